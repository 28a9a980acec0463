//! The files and directories of a disk, as the page cache shows them and as they are on the medium.

use std::{collections::BTreeMap, io};
use windtunnel_record::Stream;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A file or directory, whatever it is called.
pub(crate) type NodeId = usize;

/// The root of every disk.
const ROOT: &str = "/";

/// Two views of one disk: names and contents now, and what would be left without power.
pub(super) struct Tree {
    nodes: Vec<Node>,
    names: BTreeMap<String, NodeId>,
    durable_names: BTreeMap<String, NodeId>,
    /// Whether the two differ.
    names_changed: bool,
}

struct Node {
    is_dir: bool,
    /// The bytes as a reader sees them.
    cached: Vec<u8>,
    /// The bytes on the medium.
    durable: Vec<u8>,
    /// What was done since, in order.
    pending: Vec<Change>,
    /// How many changes were made in all.
    changes: u64,
}

#[derive(Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize { length: usize },
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                if to.len() < offset + bytes.len() {
                    to.resize(offset + bytes.len(), 0);
                }
                to[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Self::Resize { length } => to.resize(*length, 0),
        }
    }

    /// A hash of this change after others, whose hash is `before`.
    fn hash(&self, before: u64) -> u64 {
        match self {
            Self::Write { offset, bytes } => {
                xxh3_64_with_seed(bytes, before.rotate_left(1) ^ *offset as u64)
            }
            Self::Resize { length } => {
                xxh3_64_with_seed(&length.to_le_bytes(), before.rotate_left(1))
            }
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Write { bytes, .. } => bytes.len() as u64,
            Self::Resize { .. } => 0,
        }
    }
}

/// The unit in which a medium writes whole or not at all.
const SECTOR: usize = 512;

impl Tree {
    pub fn new() -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            names_changed: false,
        };
        let root = tree.make(true);
        tree.names.insert(ROOT.into(), root);
        tree.durable_names.insert(ROOT.into(), root);
        tree
    }

    fn make(&mut self, is_dir: bool) -> NodeId {
        let (cached, durable, pending) = (Vec::new(), Vec::new(), Vec::new());
        self.nodes.push(Node {
            is_dir,
            cached,
            durable,
            pending,
            changes: 0,
        });
        self.nodes.len() - 1
    }

    /// The node of this name.
    pub fn find(&self, path: &str) -> Option<NodeId> {
        self.names.get(path).copied()
    }

    pub fn is_dir(&self, node: NodeId) -> bool {
        self.nodes[node].is_dir
    }

    pub fn contents(&self, node: NodeId) -> &[u8] {
        &self.nodes[node].cached
    }

    /// How many changes were made to a file.
    pub fn writes(&self, node: NodeId) -> u64 {
        self.nodes[node].changes
    }

    /// The directory that holds `path` must exist.
    fn check_parent(&self, path: &str) -> io::Result<()> {
        let parent = parent(path).ok_or(io::ErrorKind::InvalidInput)?;
        match self.find(parent) {
            Some(node) if self.is_dir(node) => Ok(()),
            Some(_) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub fn create_file(&mut self, path: &str) -> io::Result<NodeId> {
        self.check_parent(path)?;
        let node = self.make(false);
        self.names_changed = true;
        self.names.insert(path.into(), node);
        Ok(node)
    }

    /// Makes a directory and those above it. True if anything was made.
    pub fn create_dirs(&mut self, path: &str) -> io::Result<bool> {
        if let Some(node) = self.find(path) {
            let there = self.is_dir(node);
            return if there {
                Ok(false)
            } else {
                Err(io::ErrorKind::AlreadyExists.into())
            };
        }
        if let Some(above) = parent(path) {
            self.create_dirs(above)?;
        }
        let node = self.make(true);
        self.names_changed = true;
        self.names.insert(path.into(), node);
        Ok(true)
    }

    pub fn write(&mut self, node: NodeId, offset: usize, bytes: &[u8]) {
        self.change(
            node,
            Change::Write {
                offset,
                bytes: bytes.to_vec(),
            },
        );
    }

    pub fn resize(&mut self, node: NodeId, length: usize) {
        self.change(node, Change::Resize { length });
    }

    fn change(&mut self, node: NodeId, change: Change) {
        let node = &mut self.nodes[node];
        change.apply(&mut node.cached);
        node.pending.push(change);
        node.changes += 1;
    }

    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let node = self.find(from).ok_or(io::ErrorKind::NotFound)?;
        self.check_parent(to)?;
        if let Some(target) = self.find(to)
            && self.is_dir(target) != self.is_dir(node)
        {
            return Err(if self.is_dir(target) {
                io::ErrorKind::IsADirectory.into()
            } else {
                io::ErrorKind::NotADirectory.into()
            });
        }
        let prefix = format!("{from}/");
        let below: Vec<_> = self
            .names
            .keys()
            .filter(|name| name.starts_with(&prefix))
            .cloned()
            .collect();
        for name in below {
            let moved = format!("{to}/{}", &name[prefix.len()..]);
            if let Some(node) = self.names.remove(&name) {
                self.names.insert(moved, node);
            }
        }
        self.names.remove(from);
        self.names_changed = true;
        self.names.insert(to.into(), node);
        Ok(())
    }

    pub fn remove_file(&mut self, path: &str) -> io::Result<()> {
        let node = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        if self.is_dir(node) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.names_changed = true;
        self.names.remove(path);
        Ok(())
    }

    pub fn remove_dirs(&mut self, path: &str) -> io::Result<()> {
        let node = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        if !self.is_dir(node) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let prefix = format!("{path}/");
        self.names_changed = true;
        self.names
            .retain(|name, _| name != path && !name.starts_with(&prefix));
        Ok(())
    }

    /// The names in a directory, in order.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let node = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        if !self.is_dir(node) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let prefix = if path == ROOT {
            ROOT.into()
        } else {
            format!("{path}/")
        };
        let below = self
            .names
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix));
        Ok(below
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .map(Into::into)
            .collect())
    }

    /// Makes durable all names, and the changes of a file up to its `covers`-th. Gives the file's
    /// name, and how many bytes became durable with a hash of these changes. The hash is not one of
    /// the whole file, which would make a log that is synced record by record a quadratic affair.
    pub fn commit(&mut self, node: Option<NodeId>, covers: u64) -> (String, u64, u64) {
        if self.names_changed {
            self.durable_names.clone_from(&self.names);
            self.names_changed = false;
        }
        let Some(number) = node else {
            return (ROOT.into(), 0, 0);
        };
        let node = &mut self.nodes[number];
        let left = (node.changes - covers) as usize;
        let through = node.pending.len().saturating_sub(left);
        let (mut bytes, mut content) = (0, 0);
        for change in node.pending.drain(..through) {
            bytes += change.size();
            content = change.hash(content);
            change.apply(&mut node.durable);
        }
        let name = self.names.iter().find(|(_, named)| **named == number);
        (
            name.map(|(name, _)| name.clone()).unwrap_or_default(),
            bytes,
            content,
        )
    }

    /// Of each file a random beginning of the unsynced changes is left, the last of them torn. Gives
    /// what was lost.
    pub fn lose_power(&mut self, stream: &mut Stream) -> Vec<(String, u64)> {
        let mut lost = Vec::new();
        for (name, &number) in &self.names {
            let node = &mut self.nodes[number];
            if node.pending.is_empty() {
                continue;
            }
            let total: u64 = node.pending.iter().map(Change::size).sum();
            let keep = stream.below(node.pending.len() as u64 + 1) as usize;
            let mut kept = 0;
            for change in &node.pending[..keep] {
                change.apply(&mut node.durable);
                kept += change.size();
            }
            if let Some(Change::Write { offset, bytes }) = node.pending.get(keep) {
                // Whole sectors of the write that was under way, and then nothing.
                let sectors = bytes.len().div_ceil(SECTOR) as u64;
                let torn = (stream.below(sectors + 1) as usize * SECTOR).min(bytes.len());
                let torn_bytes = bytes[..torn].to_vec();
                Change::Write {
                    offset: *offset,
                    bytes: torn_bytes,
                }
                .apply(&mut node.durable);
                kept += torn as u64;
            }
            if total > kept {
                lost.push((name.clone(), total - kept));
            }
        }
        for node in &mut self.nodes {
            node.cached.clone_from(&node.durable);
            node.pending.clear();
        }
        self.names.clone_from(&self.durable_names);
        self.names_changed = false;
        lost
    }
}

/// The directory above `path`; none above the root.
fn parent(path: &str) -> Option<&str> {
    if path == ROOT {
        return None;
    }
    let cut = path.rfind('/')?;
    Some(if cut == 0 { ROOT } else { &path[..cut] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::Seed;

    #[test]
    fn what_was_synced_survives_and_what_was_not_is_a_torn_beginning() {
        let (mut kept_some, mut lost_some) = (0, 0);
        for seed in 0..64 {
            let mut tree = Tree::new();
            let file = tree.create_file("/log").expect("the root is there");
            tree.write(file, 0, b"durable");
            tree.commit(Some(file), tree.writes(file));
            tree.write(file, 7, &[7; 2000]);
            tree.write(file, 2007, &[8; 2000]);
            let lost = tree.lose_power(&mut Seed(seed).stream("disk/x"));
            let contents = tree.contents(file);
            assert!(contents.starts_with(b"durable"));
            let expected: Vec<u8> = [&b"durable"[..], &[7; 2000], &[8; 2000]].concat();
            assert_eq!(
                contents,
                &expected[..contents.len()],
                "a beginning, never other bytes"
            );
            kept_some += u32::from(contents.len() > 7);
            lost_some += u32::from(!lost.is_empty());
        }
        assert!(kept_some > 10 && lost_some > 10, "{kept_some} {lost_some}");
    }

    #[test]
    fn a_new_name_is_gone_without_a_sync_and_any_sync_keeps_it() {
        let mut stream = Seed(1).stream("disk/x");
        let mut tree = Tree::new();
        tree.create_file("/a").expect("created");
        tree.lose_power(&mut stream);
        assert_eq!(tree.find("/a"), None);
        let other = tree.create_file("/b").expect("created");
        tree.create_file("/a").expect("created");
        tree.commit(Some(other), 0);
        tree.lose_power(&mut stream);
        assert!(tree.find("/a").is_some());
    }

    #[test]
    fn a_sync_does_not_cover_what_was_written_after_it_began() {
        let mut tree = Tree::new();
        let file = tree.create_file("/log").expect("created");
        tree.write(file, 0, b"one");
        let covers = tree.writes(file);
        tree.write(file, 3, b"two");
        tree.commit(Some(file), covers);
        assert_eq!(tree.nodes[file].durable, b"one");
    }

    #[test]
    fn renames_move_what_is_below_and_replace_what_is_there() {
        let mut tree = Tree::new();
        tree.create_dirs("/d/e").expect("made");
        let file = tree.create_file("/d/e/f").expect("created");
        tree.rename("/d", "/g").expect("renamed");
        assert_eq!(tree.find("/g/e/f"), Some(file));
        assert_eq!(tree.list("/g").expect("a directory"), ["e"]);
        assert!(tree.rename("/nothing", "/x").is_err());
        assert!(tree.create_file("/missing/x").is_err());
    }
}
