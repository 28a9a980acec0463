//! What is done to names and directories.

use super::tree::NodeId;
use crate::{
    clock,
    machine::{Machine, inside},
};
use std::{
    io,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

/// A path as the disk keeps it: absolute, without `.` and `..`.
pub(super) fn normal(path: &Path) -> io::Result<String> {
    if path.as_os_str().is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => {
                parts.push(part.to_str().ok_or(io::ErrorKind::InvalidInput)?)
            }
            Component::ParentDir => {
                parts.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

/// What is known of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Whether it is a directory.
    pub is_dir: bool,
    /// How many bytes it has.
    pub len: u64,
    /// When its bytes were last changed, by its host's clock.
    pub modified: SystemTime,
}

impl Machine {
    pub(super) fn metadata(&self, host: u32, node: NodeId) -> Metadata {
        let node = &self.hosts[host as usize].disk.tree.nodes[node];
        Metadata {
            is_dir: node.is_dir,
            len: node.cached.len() as u64,
            modified: node.modified,
        }
    }

    /// Changes names of the caller's disk, and takes it down.
    fn rename_on_disk(
        &mut self,
        action: &str,
        path: &str,
        content: &[u8],
        change: impl FnOnce(&mut super::tree::Tree, u64) -> io::Result<bool>,
    ) -> io::Result<()> {
        let (_, host) = self.caller()?;
        let tree = self.hosts[host as usize].disk.tree();
        match change(tree, clock::now()) {
            Ok(true) => self.note_disk(host, action, path, content),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                if let Some(fault) = tree.troubles.full() {
                    self.hit_if_busy(fault, &[host]);
                }
                return Err(self.disk_failed(host, action, path, libc::ENOSPC, 0));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// What is known of the file of this name.
///
/// # Errors
/// `NotFound`, or the process has ended.
pub fn metadata(path: &Path) -> io::Result<Metadata> {
    let path = normal(path)?;
    inside(|machine| {
        let (_, host) = machine.caller()?;
        let node = machine.hosts[host as usize].disk.tree.find(&path)?;
        Ok(machine.metadata(host, node))
    })
}

/// The path of what is there, absolute and without `.` and `..`.
///
/// # Errors
/// `NotFound`, or the process has ended.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    let path = normal(path)?;
    inside(|machine| {
        let (_, host) = machine.caller()?;
        machine.hosts[host as usize].disk.tree.find(&path)?;
        Ok(PathBuf::from(path))
    })
}

/// Makes a directory.
///
/// # Errors
/// `AlreadyExists`, `NotFound` if the one above is missing, or the process has ended.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let path = normal(path)?;
    inside(|machine| {
        machine.rename_on_disk("create-dir", &path, &[], |tree, now| {
            tree.create_dir(&path, now).map(|()| true)
        })
    })
}

/// Makes a directory and all above it.
///
/// # Errors
/// If a file stands in the way, or the process has ended.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    let path = normal(path)?;
    inside(|machine| {
        machine.rename_on_disk("create-dir", &path, &[], |tree, now| {
            tree.create_dirs(&path, now)
        })
    })
}

/// The names in a directory, in order.
///
/// # Errors
/// `NotFound`, `NotADirectory`, or the process has ended.
pub fn read_dir(path: &Path) -> io::Result<Vec<String>> {
    let path = normal(path)?;
    inside(|machine| {
        let (_, host) = machine.caller()?;
        machine.hosts[host as usize].disk.tree.list(&path)
    })
}

/// Gives a file another name, replacing what has it.
///
/// # Errors
/// `NotFound`, `IsADirectory`, `NotADirectory`, `DirectoryNotEmpty`, or the process has ended.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (normal(from)?, normal(to)?);
    inside(|machine| {
        machine.rename_on_disk("rename", &from, to.as_bytes(), |tree, now| {
            tree.rename(&from, &to, now).map(|()| true)
        })
    })
}

/// Gives a file a second name.
///
/// # Errors
/// `NotFound`, `AlreadyExists`, `PermissionDenied` for a directory, or the process has ended.
pub fn hard_link(original: &Path, link: &Path) -> io::Result<()> {
    let (original, link) = (normal(original)?, normal(link)?);
    inside(|machine| {
        machine.rename_on_disk("link", &original, link.as_bytes(), |tree, now| {
            tree.link(&original, &link, now).map(|()| true)
        })
    })
}

/// Removes a file's name; open handles keep the file.
///
/// # Errors
/// `NotFound`, `IsADirectory`, or the process has ended.
pub fn remove_file(path: &Path) -> io::Result<()> {
    let path = normal(path)?;
    inside(|machine| {
        machine.rename_on_disk("remove", &path, &[], |tree, now| {
            tree.remove_file(&path, now).map(|()| true)
        })
    })
}

/// Removes an empty directory.
///
/// # Errors
/// `NotFound`, `NotADirectory`, `DirectoryNotEmpty`, or the process has ended.
pub fn remove_dir(path: &Path) -> io::Result<()> {
    let path = normal(path)?;
    inside(|machine| {
        machine.rename_on_disk("remove", &path, &[], |tree, now| {
            tree.remove_dir(&path, now).map(|()| true)
        })
    })
}

/// Removes a directory with everything below it.
///
/// # Errors
/// `NotFound`, `NotADirectory`, or the process has ended.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    let path = normal(path)?;
    inside(|machine| {
        machine.rename_on_disk("remove", &path, &[], |tree, now| {
            tree.remove_dirs(&path, now).map(|()| true)
        })
    })
}
