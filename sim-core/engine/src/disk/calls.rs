//! What is done to names and directories.

use super::{SyncId, tree::NodeId};
use crate::machine::inside;
use std::{
    future::poll_fn,
    io,
    path::{Component, Path},
    task::Poll,
};

/// A path as the disk keeps it: absolute, without `.` and `..`.
pub(super) fn normal(path: &Path) -> io::Result<String> {
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

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Whether it is a directory.
    pub is_dir: bool,
    /// How many bytes it has.
    pub len: u64,
}

/// What is known of the file of this name.
///
/// # Errors
/// `NotFound`, or the process has ended.
pub fn metadata(path: &Path) -> io::Result<Metadata> {
    let path = normal(path)?;
    inside(|machine| {
        let (_, host) = machine.caller()?;
        let tree = &machine.hosts[host as usize].disk.tree;
        let node = tree.find(&path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Metadata {
            is_dir: tree.is_dir(node),
            len: tree.contents(node).len() as u64,
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
        let (_, host) = machine.caller()?;
        if machine.hosts[host as usize].disk.tree.create_dirs(&path)? {
            machine.note_disk(host, "create-dir", &path, &[]);
        }
        Ok(())
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
/// `NotFound`, `IsADirectory`, `NotADirectory`, or the process has ended.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (normal(from)?, normal(to)?);
    inside(|machine| {
        let (_, host) = machine.caller()?;
        machine.hosts[host as usize].disk.tree.rename(&from, &to)?;
        machine.note_disk(host, "rename", &from, to.as_bytes());
        Ok(())
    })
}

/// Removes a file's name; open handles keep the file.
///
/// # Errors
/// `NotFound`, `IsADirectory`, or the process has ended.
pub fn remove_file(path: &Path) -> io::Result<()> {
    let path = normal(path)?;
    inside(|machine| {
        let (_, host) = machine.caller()?;
        machine.hosts[host as usize].disk.tree.remove_file(&path)?;
        machine.note_disk(host, "remove", &path, &[]);
        Ok(())
    })
}

/// Removes a directory with everything below it.
///
/// # Errors
/// `NotFound`, `NotADirectory`, or the process has ended.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    let path = normal(path)?;
    inside(|machine| {
        let (_, host) = machine.caller()?;
        machine.hosts[host as usize].disk.tree.remove_dirs(&path)?;
        machine.note_disk(host, "remove", &path, &[]);
        Ok(())
    })
}

/// Makes all names of the disk durable, as an fsync of a directory does.
///
/// # Errors
/// If the process has ended.
pub async fn sync_dir() -> io::Result<()> {
    let host = inside(|machine| machine.caller().map(|(_, host)| host))?;
    wait_for_sync(host, None).await
}

/// Waits for an fsync that begins now.
pub(super) async fn wait_for_sync(host: u32, node: Option<NodeId>) -> io::Result<()> {
    let mut begun: Option<SyncId> = None;
    poll_fn(|cx| {
        inside(|machine| {
            machine.caller()?;
            let Some(id) = begun else {
                begun = Some(machine.begin_sync(host, node, cx.waker()));
                return Ok(Poll::Pending);
            };
            let Some(sync) = machine.syncs.get_mut(id) else {
                return Ok(Poll::Ready(()));
            };
            if sync.done {
                machine.syncs.remove(id);
                return Ok(Poll::Ready(()));
            }
            sync.waker = Some(cx.waker().clone());
            Ok(Poll::Pending)
        })
        .map_or_else(
            |error: io::Error| Poll::Ready(Err(error)),
            |polled| polled.map(Ok),
        )
    })
    .await
}
