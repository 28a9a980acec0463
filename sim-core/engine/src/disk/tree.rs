//! The names of a disk, as programs see them and as they would be left without power.

use super::{
    journal::{Journal, Op},
    node::{BLOCK, Node, Write},
    trouble::Troubles,
};
use std::{collections::BTreeMap, io};

/// The place of a file or directory in its tree.
pub(crate) type NodeId = usize;

/// The root of every disk.
pub(super) const ROOT: &str = "/";

/// Two views of one disk: names and contents now, and what would be left without power.
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    vacant: Vec<NodeId>,
    pub names: BTreeMap<String, NodeId>,
    pub durable_names: BTreeMap<String, NodeId>,
    pub journal: Journal,
    /// How many bytes are allocated.
    pub used: u64,
    /// How many there are.
    pub capacity: u64,
    /// The faults that are on the disk.
    pub troubles: Troubles,
}

impl Tree {
    pub fn new() -> Self {
        let mut tree = Self {
            nodes: vec![Node::new(true, 0)],
            vacant: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            journal: Journal::new(),
            used: BLOCK as u64,
            capacity: u64::MAX,
            troubles: Troubles::default(),
        };
        tree.names.insert(ROOT.into(), 0);
        tree.durable_names.insert(ROOT.into(), 0);
        (tree.nodes[0].names, tree.nodes[0].durable_names) = (1, 1);
        tree
    }

    /// The node of this name.
    ///
    /// # Errors
    /// `NotFound`, or `NotADirectory` if a file stands where a directory would have to be.
    pub fn find(&self, path: &str) -> io::Result<NodeId> {
        if let Some(node) = self.names.get(path) {
            return Ok(*node);
        }
        let mut above = parent(path);
        while let Some(path) = above {
            match self.names.get(path) {
                Some(&node) if !self.nodes[node].is_dir => {
                    return Err(io::ErrorKind::NotADirectory.into());
                }
                Some(_) => break,
                None => above = parent(path),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// One of the names of a node; empty if it has none any more.
    pub fn name_of(&self, node: NodeId) -> String {
        let named = self.names.iter().find(|(_, named)| **named == node);
        named.map(|(name, _)| name.clone()).unwrap_or_default()
    }

    /// What an event calls a node: a commit is one of the whole disk.
    pub fn path_of(&self, node: NodeId) -> String {
        if self.is_dir(node) {
            ROOT.into()
        } else {
            self.name_of(node)
        }
    }

    /// How many bytes can still be allocated.
    pub fn room(&self) -> u64 {
        match self.troubles.full() {
            Some(_) => 0,
            None => self.capacity.saturating_sub(self.used),
        }
    }

    pub fn is_dir(&self, node: NodeId) -> bool {
        self.nodes[node].is_dir
    }

    pub fn contents(&self, node: NodeId) -> &[u8] {
        &self.nodes[node].cached
    }

    /// The directory that is to hold `path`.
    fn directory_of(&self, path: &str) -> io::Result<NodeId> {
        let above = parent(path).ok_or(io::ErrorKind::ResourceBusy)?;
        let node = self.find(above)?;
        if self.is_dir(node) {
            Ok(node)
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    fn make(&mut self, is_dir: bool, now: u64) -> NodeId {
        let node = Node::new(is_dir, self.journal.touch(now));
        match self.vacant.pop() {
            Some(number) => {
                self.nodes[number] = node;
                number
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        }
    }

    /// Gives a node a name, or takes the name away; its directory and the node are changed by that.
    fn set_name(&mut self, path: &str, node: Option<NodeId>, now: u64) {
        let before = match node {
            Some(node) => {
                self.nodes[node].names += 1;
                self.names.insert(path.into(), node)
            }
            None => self.names.remove(path),
        };
        let path = path.to_owned();
        let directory = parent(&path).and_then(|above| self.names.get(above).copied());
        let transaction = self.enter(now, Op::Name { path, node });
        for changed in [before, node, directory].into_iter().flatten() {
            self.nodes[changed].changed_in = transaction;
        }
        if let Some(directory) = directory {
            self.nodes[directory].sized_in = transaction;
        }
        if let Some(before) = before {
            self.nodes[before].names -= 1;
            self.free(before);
        }
    }

    /// Gives back what a node takes, as far as nothing leads to it any more.
    pub fn free(&mut self, number: NodeId) {
        let node = &mut self.nodes[number];
        self.used -= node.free_if_unreachable();
        if node.is_forgotten() && !node.vacant {
            node.vacant = true;
            node.medium = Vec::new();
            self.vacant.push(number);
        }
        if self.nodes[number].dirty.is_empty() {
            self.journal.dirty.remove(&number);
        }
    }

    pub fn create_file(&mut self, path: &str, now: u64) -> io::Result<NodeId> {
        self.directory_of(path)?;
        let node = self.make(false, now);
        self.set_name(path, Some(node), now);
        Ok(node)
    }

    /// Makes a directory.
    pub fn create_dir(&mut self, path: &str, now: u64) -> io::Result<()> {
        match self.find(path) {
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        self.directory_of(path)?;
        if self.room() < BLOCK as u64 {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let node = self.make(true, now);
        self.used += BLOCK as u64;
        self.set_name(path, Some(node), now);
        Ok(())
    }

    /// Makes a directory and those above it. True if anything was made.
    pub fn create_dirs(&mut self, path: &str, now: u64) -> io::Result<bool> {
        match self.find(path) {
            Ok(node) if self.is_dir(node) => return Ok(false),
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        if let Some(above) = parent(path) {
            self.create_dirs(above, now)?;
        }
        self.create_dir(path, now)?;
        Ok(true)
    }

    pub fn write(&mut self, node: NodeId, offset: usize, bytes: &[u8], now: u64) {
        let write = Write {
            at: now,
            offset,
            bytes: bytes.to_vec(),
        };
        self.used += self.nodes[node].write(write);
        self.journal.dirty.insert(node);
        // The time of the change is metadata, which fdatasync does not wait for.
        self.nodes[node].changed_in = self.journal.touch(now);
    }

    pub fn resize(&mut self, number: NodeId, length: usize, now: u64) {
        let node = &mut self.nodes[number];
        let before = node.allocated();
        node.resize(length);
        self.used = self.used + node.allocated() - before;
        let op = Op::Size {
            node: number,
            length,
        };
        let transaction = self.enter(now, op);
        let node = &mut self.nodes[number];
        (node.changed_in, node.sized_in) = (transaction, transaction);
        if node.dirty.is_empty() {
            self.journal.dirty.remove(&number);
        }
    }

    /// A program lets go of a file that it held open.
    pub fn closed(&mut self, number: NodeId, now: u64) {
        let node = &mut self.nodes[number];
        node.handles -= 1;
        if std::mem::take(&mut node.flush_on_close) {
            // auto_da_alloc: what replaces an emptied file is allocated at once, so that the commit
            // that makes the emptying durable finds the new bytes on the medium.
            self.allocate(number, now);
        }
        self.free(number);
    }

    /// Gives a file another name, replacing what has it.
    pub fn rename(&mut self, from: &str, to: &str, now: u64) -> io::Result<()> {
        let node = self.find(from)?;
        self.directory_of(from)?;
        self.directory_of(to)?;
        let below = format!("{from}/");
        if to.starts_with(&below) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if from.starts_with(&format!("{to}/")) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if let Some(&target) = self.names.get(to) {
            if target == node {
                return Ok(());
            }
            match (self.is_dir(node), self.is_dir(target)) {
                (false, true) => return Err(io::ErrorKind::IsADirectory.into()),
                (true, false) => return Err(io::ErrorKind::NotADirectory.into()),
                (true, true) if self.has_entries(to) => {
                    return Err(io::ErrorKind::DirectoryNotEmpty.into());
                }
                (true, true) => {}
                // auto_da_alloc: the bytes of a file that replaces another are on the medium before
                // the transaction that holds the rename.
                (false, false) => self.allocate(node, now),
            }
        }
        for name in self.entries_below(&below) {
            let moved = format!("{to}/{}", &name[below.len()..]);
            if let Some(&node) = self.names.get(&name) {
                self.set_name(&moved, Some(node), now);
                self.set_name(&name, None, now);
            }
        }
        self.set_name(to, Some(node), now);
        self.set_name(from, None, now);
        Ok(())
    }

    /// Gives a file a second name.
    pub fn link(&mut self, original: &str, link: &str, now: u64) -> io::Result<()> {
        let node = self.find(original)?;
        self.directory_of(link)?;
        if self.names.contains_key(link) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.is_dir(node) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.set_name(link, Some(node), now);
        Ok(())
    }

    pub fn remove_file(&mut self, path: &str, now: u64) -> io::Result<()> {
        let node = self.find(path)?;
        if self.is_dir(node) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.set_name(path, None, now);
        Ok(())
    }

    /// Removes an empty directory.
    pub fn remove_dir(&mut self, path: &str, now: u64) -> io::Result<()> {
        let node = self.find(path)?;
        if !self.is_dir(node) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.directory_of(path)?;
        if self.has_entries(path) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.set_name(path, None, now);
        Ok(())
    }

    /// Removes a directory with everything below it.
    pub fn remove_dirs(&mut self, path: &str, now: u64) -> io::Result<()> {
        let node = self.find(path)?;
        if !self.is_dir(node) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.directory_of(path)?;
        for name in self.entries_below(&format!("{path}/")).into_iter().rev() {
            self.set_name(&name, None, now);
        }
        self.set_name(path, None, now);
        Ok(())
    }

    /// All names that begin with `prefix`, in order.
    fn entries_below(&self, prefix: &str) -> Vec<String> {
        let names = self.names.range(prefix.to_owned()..);
        let below = names.map(|(name, _)| name.clone());
        below.take_while(|name| name.starts_with(prefix)).collect()
    }

    fn has_entries(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let next = self.names.range(below.clone()..).next();
        next.is_some_and(|(name, _)| name.starts_with(&below))
    }

    /// The names in a directory, in order.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let node = self.find(path)?;
        if !self.is_dir(node) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let prefix = if path == ROOT {
            ROOT.into()
        } else {
            format!("{path}/")
        };
        let below = self.entries_below(&prefix);
        let rest = below.iter().map(|name| &name[prefix.len()..]);
        let direct = rest.filter(|rest| !rest.is_empty() && !rest.contains('/'));
        Ok(direct.map(Into::into).collect())
    }
}

/// The directory above `path`; none above the root.
pub(super) fn parent(path: &str) -> Option<&str> {
    if path == ROOT {
        return None;
    }
    let cut = path.rfind('/')?;
    Some(if cut == 0 { ROOT } else { &path[..cut] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_move_what_is_below_and_replace_what_is_there() {
        let mut tree = Tree::new();
        tree.create_dirs("/d/e", 0).expect("made");
        let file = tree.create_file("/d/e/f", 0).expect("created");
        tree.rename("/d", "/g", 0).expect("renamed");
        assert_eq!(tree.find("/g/e/f").expect("moved"), file);
        assert_eq!(tree.list("/g").expect("a directory"), ["e"]);
        assert!(tree.find("/d/e/f").is_err());
        assert!(tree.rename("/nothing", "/x", 0).is_err());
        assert!(tree.create_file("/missing/x", 0).is_err());
    }

    #[test]
    fn a_file_that_is_removed_while_it_is_open_takes_its_space_until_it_is_closed() {
        let mut tree = Tree::new();
        let file = tree.create_file("/f", 0).expect("created");
        tree.nodes[file].handles = 1;
        tree.write(file, 0, &[1; 5000], 0);
        let root = BLOCK as u64;
        assert_eq!(tree.used, root + 8192);
        tree.remove_file("/f", 0).expect("removed");
        assert_eq!(tree.contents(file).len(), 5000);
        assert_eq!(tree.used, root + 8192);
        tree.closed(file, 0);
        assert_eq!(tree.used, root);
    }

    #[test]
    fn files_that_come_and_go_leave_nothing_behind() {
        let mut tree = Tree::new();
        for turn in 0..1000 {
            let now = turn * super::super::journal::COMMIT_EVERY;
            tree.catch_up(now);
            let file = tree.create_file("/f", now).expect("created");
            tree.write(file, 0, &[1; 5000], now);
            tree.remove_file("/f", now).expect("removed");
        }
        assert!(tree.nodes.len() < 5, "{}", tree.nodes.len());
        assert_eq!(tree.used, BLOCK as u64);
    }
}
