//! An open file.

use super::{Disk, Metadata, calls::normal, operation::Waiting, tree::NodeId};
use crate::{
    clock, cpu,
    machine::{ArenaId, Machine, inside, with},
    process::ProcessId,
};
use std::{
    future::poll_fn,
    io::{self, SeekFrom},
    path::Path,
    task::{Context, Poll, ready},
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
            machine.one_more_descriptor("open")?;
            let (process, host) = machine.caller()?;
            let disk = &mut machine.hosts[host as usize].disk;
            let node = disk.reach(self, &path)?;
            let id = disk.open.insert(OpenFile {
                process,
                node,
                handles: 1,
                cursor: 0,
                errors_seen: disk.tree.nodes[node].errors_known(),
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
                waiting: None,
            })
        })
    }
}

/// What all handles of one opening share.
pub(super) struct OpenFile {
    pub process: ProcessId,
    pub node: NodeId,
    pub handles: u32,
    cursor: u64,
    /// Up to which failed write-back of its file it was told.
    errors_seen: u32,
}

impl Disk {
    pub(super) fn opening(&mut self, id: ArenaId) -> io::Result<&mut OpenFile> {
        let gone = || io::Error::other("the process has ended");
        self.open.get_mut(id).ok_or_else(gone)
    }

    /// Whether data of an open file could not be written and this opening was not told yet; if so it
    /// counts as told now, and the number of bytes that were given up and are in no event is given.
    pub(super) fn untold_error(&mut self, id: ArenaId) -> io::Result<Option<u64>> {
        let (node, seen) = (self.opening(id)?.node, self.opening(id)?.errors_seen);
        let node = &mut self.tree.nodes[node];
        if node.errors == seen {
            return Ok(None);
        }
        node.error_told = true;
        let (errors, lost) = (node.errors, std::mem::take(&mut node.given_up));
        self.opening(id)?.errors_seen = errors;
        Ok(Some(lost))
    }

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
    /// The device is busy with what this handle asked of it.
    waiting: Option<Waiting>,
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

    /// Waits until a read or a write can go on; at once, where the disk's settings and faults say so.
    fn poll_transfer(
        &mut self,
        cx: &mut Context<'_>,
        reads: Option<usize>,
    ) -> Poll<io::Result<()>> {
        if let Some(waiting) = &self.waiting {
            ready!(inside(
                |machine| machine.poll_operation(waiting.0, cx.waker())
            ))?;
            self.waiting = None;
            return Poll::Ready(Ok(()));
        }
        let begun = self.on_disk(|machine, node| {
            let cursor = machine.opening(self)?.cursor as usize;
            let read = reads.map(|length| (cursor, length));
            machine.begin_transfer(self.host, node, &self.path, read, cx.waker())
        })?;
        self.waiting = begun.map(Waiting);
        match self.waiting {
            Some(_) => Poll::Pending,
            None => Poll::Ready(Ok(())),
        }
    }

    /// Reads from the cursor on; nothing at the end of the file.
    ///
    /// # Errors
    /// If it was not opened for reading, is a directory, a fault says so, or the process has ended.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.options.read {
            return Poll::Ready(Err(io::Error::from_raw_os_error(libc::EBADF)));
        }
        ready!(self.poll_transfer(cx, Some(into.remaining())))?;
        Poll::Ready(self.on_disk(|machine, node| {
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
        }))
    }

    /// Writes all of `bytes` into the page cache, at the cursor or, when appending, at the end. Where
    /// the disk has no room for all, the beginning that fits is written.
    ///
    /// # Errors
    /// If it was not opened for writing, the disk is full, a fault says so, or the process has ended.
    pub fn poll_write_all(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<()>> {
        if !self.options.writes() {
            return Poll::Ready(Err(io::Error::from_raw_os_error(libc::EBADF)));
        }
        ready!(self.poll_transfer(cx, None))?;
        Poll::Ready(self.on_disk(|machine, node| {
            let mut cursor = machine.opening(self)?.cursor;
            let host = &mut machine.hosts[self.host as usize];
            let tree = host.disk.tree();
            if self.options.append {
                cursor = tree.contents(node).len() as u64;
            }
            let room = tree.room();
            let fits = tree.nodes[node].fits(cursor as usize, bytes.len(), room);
            let (written, refused) = bytes.split_at(fits);
            if !written.is_empty() {
                tree.write(node, cursor as usize, written, clock::now());
            }
            let full = tree.troubles.full();
            cpu::charge_bytes(&host.cores, fits);
            machine.opening(self)?.cursor = cursor + fits as u64;
            machine.note_disk(self.host, "write", &self.path, written);
            if refused.is_empty() {
                return Ok(());
            }
            if let Some(fault) = full {
                machine.hit_if_busy(fault, &[self.host]);
            }
            Err(machine.disk_failed(self.host, "write", &self.path, libc::ENOSPC, 0))
        }))
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
            machine.one_more_descriptor("duplicate")?;
            machine.opening(self)?.handles += 1;
            Ok(Self {
                id: self.id,
                host: self.host,
                path: self.path.clone(),
                options: self.options,
                waiting: None,
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
        let id = poll_fn(|cx| {
            Poll::Ready(inside(|machine| {
                machine.caller()?;
                machine.begin_sync(self.host, self.id, data_only, cx.waker())
            }))
        });
        let waiting = Waiting(id.await?);
        poll_fn(|cx| inside(|machine| machine.poll_operation(waiting.0, cx.waker()))).await
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
        self.hosts[file.host as usize].disk.opening(file.id)
    }
}
