//! An open file.

use super::{Disk, Metadata, SyncId, calls::normal, tree::NodeId};
use crate::{
    clock, cpu,
    machine::{ArenaId, Machine, inside, with},
    process::ProcessId,
};
use std::{
    future::poll_fn,
    io::{self, SeekFrom},
    path::Path,
    task::{Poll, Waker},
};
use tokio_real::io::ReadBuf;

/// How to open a file; the switches mean what they mean in the standard library.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Reading.
    pub read: bool,
    /// Writing.
    pub write: bool,
    /// Writing at the end only.
    pub append: bool,
    /// Emptying a file that exists.
    pub truncate: bool,
    /// Making a file that does not exist.
    pub create: bool,
    /// Making a file, and failing if it exists.
    pub create_new: bool,
}

impl OpenOptions {
    fn writes(self) -> bool {
        self.write || self.append
    }

    /// Which combinations mean nothing is the standard library's choice.
    fn is_valid(self) -> bool {
        let makes = self.truncate || self.create || self.create_new;
        (self.read || self.writes())
            && (self.writes() || !makes)
            && !(self.append && self.truncate && !self.create_new)
    }

    /// Opens a file of the caller's host.
    ///
    /// # Errors
    /// As the standard library's: `NotFound`, `AlreadyExists`, `IsADirectory`, `NotADirectory`,
    /// `InvalidInput`.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub fn open(self, path: &Path) -> io::Result<File> {
        let path = normal(path)?;
        if !self.is_valid() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        inside(|machine| {
            let (process, host) = machine.caller()?;
            let disk = &mut machine.hosts[host as usize].disk;
            let node = disk.reach(self, &path)?;
            let id = disk.open.insert(OpenFile {
                process,
                node,
                handles: 1,
                cursor: 0,
            });
            if self.truncate && !disk.tree.contents(node).is_empty() {
                disk.tree.resize(node, 0, clock::now());
                machine.note_disk(host, "truncate", &path, &[]);
            }
            Ok(File {
                id,
                host,
                path,
                options: self,
            })
        })
    }
}

/// What all handles of one opening share.
pub(super) struct OpenFile {
    pub process: ProcessId,
    pub node: NodeId,
    handles: u32,
    cursor: u64,
}

impl Disk {
    /// The file that is to be opened; made if that is wanted.
    fn reach(&mut self, options: OpenOptions, path: &str) -> io::Result<NodeId> {
        let makes = options.create || options.create_new;
        let tree = self.tree();
        let node = match tree.find(path) {
            Ok(_) if options.create_new => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(node) if tree.is_dir(node) && options.writes() => {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(node) => node,
            Err(error) if error.kind() == io::ErrorKind::NotFound && makes => {
                tree.create_file(path, clock::now())?
            }
            Err(error) => return Err(error),
        };
        tree.nodes[node].handles += 1;
        Ok(node)
    }

    /// The last handle of an opening is gone.
    pub(super) fn close(&mut self, id: ArenaId) {
        if let Some(file) = self.open.remove(id) {
            self.tree().closed(file.node, clock::now());
        }
    }
}

/// A handle of an open file of a host.
#[derive(Debug)]
pub struct File {
    id: ArenaId,
    host: u32,
    path: String,
    options: OpenOptions,
}

impl File {
    /// Does something with the disk, the opening and its file, as long as the process lives.
    fn on_disk<R>(&self, act: impl FnOnce(&mut Machine, NodeId) -> io::Result<R>) -> io::Result<R> {
        inside(|machine| {
            machine.caller()?;
            let node = machine.opening(self)?.node;
            act(machine, node)
        })
    }

    /// Reads from the cursor on; nothing at the end of the file.
    ///
    /// # Errors
    /// If it was not opened for reading, is a directory, or the process has ended.
    pub fn read(&mut self, into: &mut ReadBuf<'_>) -> io::Result<()> {
        if !self.options.read {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        self.on_disk(|machine, node| {
            let cursor = machine.opening(self)?.cursor;
            let host = &mut machine.hosts[self.host as usize];
            if host.disk.tree.is_dir(node) {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let contents = host.disk.tree.contents(node);
            let rest = contents.get(cursor as usize..).unwrap_or_default();
            let count = rest.len().min(into.remaining());
            into.put_slice(&rest[..count]);
            cpu::charge_bytes(&host.cores, count);
            machine.opening(self)?.cursor = cursor + count as u64;
            Ok(())
        })
    }

    /// Writes all of `bytes` into the page cache, at the cursor or, when appending, at the end.
    ///
    /// # Errors
    /// If it was not opened for writing, or the process has ended.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.options.writes() {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        self.on_disk(|machine, node| {
            let mut cursor = machine.opening(self)?.cursor;
            let host = &mut machine.hosts[self.host as usize];
            let tree = host.disk.tree();
            if self.options.append {
                cursor = tree.contents(node).len() as u64;
            }
            if !bytes.is_empty() {
                tree.write(node, cursor as usize, bytes, clock::now());
            }
            cpu::charge_bytes(&host.cores, bytes.len());
            machine.opening(self)?.cursor = cursor + bytes.len() as u64;
            machine.note_disk(self.host, "write", &self.path, bytes);
            Ok(())
        })
    }

    /// Moves the cursor; gives its new place.
    ///
    /// # Errors
    /// If it would be before the beginning.
    pub fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.on_disk(|machine, node| {
            let length = machine.metadata(self.host, node).len;
            let file = machine.opening(self)?;
            let place = match to {
                SeekFrom::Start(place) => Some(place),
                SeekFrom::End(by) => length.checked_add_signed(by),
                SeekFrom::Current(by) => file.cursor.checked_add_signed(by),
            };
            file.cursor = place.ok_or(io::ErrorKind::InvalidInput)?;
            Ok(file.cursor)
        })
    }

    /// What is known of it.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.on_disk(|machine, node| Ok(machine.metadata(self.host, node)))
    }

    /// Cuts it off or fills it up with zeros.
    ///
    /// # Errors
    /// If it was not opened for writing, or the process has ended.
    pub fn set_len(&self, length: u64) -> io::Result<()> {
        if !self.options.writes() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.on_disk(|machine, node| {
            let tree = machine.hosts[self.host as usize].disk.tree();
            tree.resize(node, length as usize, clock::now());
            machine.note_disk(self.host, "truncate", &self.path, &length.to_le_bytes());
            Ok(())
        })
    }

    /// Another handle of the same opening: both share one cursor, as after dup(2).
    ///
    /// # Errors
    /// If the process has ended.
    pub fn duplicate(&self) -> io::Result<Self> {
        inside(|machine| {
            machine.caller()?;
            machine.opening(self)?.handles += 1;
            Ok(Self {
                id: self.id,
                host: self.host,
                path: self.path.clone(),
                options: self.options,
            })
        })
    }

    /// Makes durable what was written before the call; with `data_only` as fdatasync(2) does.
    ///
    /// Cancellation: the device finishes what it was asked; only the answer is lost.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn sync(&self, data_only: bool) -> io::Result<()> {
        let mut begun: Option<Waiting> = None;
        let polled = poll_fn(|cx| {
            let polled = inside(|machine| match &begun {
                Some(waiting) => Ok(machine.poll_sync(waiting.0, cx.waker())),
                None => {
                    machine.caller()?;
                    let node = machine.opening(self)?.node;
                    let id = machine.begin_sync(self.host, node, data_only, cx.waker());
                    begun = Some(Waiting(id));
                    Ok(Poll::Pending)
                }
            });
            match polled {
                Ok(polled) => polled.map(Ok),
                Err(error) => Poll::Ready(Err(error)),
            }
        });
        polled.await
    }
}

/// Somebody waits for an fsync.
struct Waiting(SyncId);

impl Drop for Waiting {
    fn drop(&mut self) {
        with(|machine| machine.abandon_sync(self.0));
    }
}

impl Drop for File {
    fn drop(&mut self) {
        with(|machine| {
            if !machine.caller_is_alive() {
                return;
            }
            let disk = &mut machine.hosts[self.host as usize].disk;
            if let Some(file) = disk.open.get_mut(self.id) {
                file.handles -= 1;
                if file.handles == 0 {
                    disk.close(self.id);
                }
            }
        });
    }
}

impl Machine {
    fn opening(&mut self, file: &File) -> io::Result<&mut OpenFile> {
        let open = &mut self.hosts[file.host as usize].disk.open;
        let gone = || io::Error::other("the process has ended");
        open.get_mut(file.id).ok_or_else(gone)
    }

    fn poll_sync(&mut self, id: SyncId, waker: &Waker) -> Poll<()> {
        let mut retired = Vec::new();
        let polled = match self.syncs.get_mut(id) {
            Some(sync) if !sync.done => {
                Self::register(&mut retired, &mut sync.waker, waker);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        };
        self.retired().append(&mut retired);
        polled
    }

    /// Nobody waits for an fsync any more.
    fn abandon_sync(&mut self, id: SyncId) {
        let Some(sync) = self.syncs.get_mut(id) else {
            return;
        };
        sync.abandoned = true;
        let (done, waker) = (sync.done, sync.waker.take());
        self.retire(waker);
        if done {
            self.syncs.remove(id);
        }
    }
}
