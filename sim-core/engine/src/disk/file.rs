//! An open file.

use super::{
    calls::{normal, wait_for_sync},
    tree::NodeId,
};
use crate::{cpu, machine::inside};
use std::{
    io::{self, SeekFrom},
    path::Path,
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
    /// Opens a file of the caller's host.
    ///
    /// # Errors
    /// As the standard library's: `NotFound`, `AlreadyExists`, `IsADirectory`, `InvalidInput`.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub fn open(self, path: &Path) -> io::Result<File> {
        let path = normal(path)?;
        let writes = self.write || self.append;
        if !(self.read || writes) || (self.truncate && !self.write) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if (self.create || self.create_new) && !writes {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        inside(|machine| {
            let (_, host) = machine.caller()?;
            let tree = &mut machine.hosts[host as usize].disk.tree;
            let node = match tree.find(&path) {
                Some(_) if self.create_new => return Err(io::ErrorKind::AlreadyExists.into()),
                Some(node) if tree.is_dir(node) && writes => {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                Some(node) => node,
                None if self.create || self.create_new => tree.create_file(&path)?,
                None => return Err(io::ErrorKind::NotFound.into()),
            };
            if self.truncate && !tree.contents(node).is_empty() {
                tree.resize(node, 0);
                machine.note_disk(host, "truncate", &path, &[]);
            }
            Ok(File {
                node,
                host,
                path,
                options: self,
                cursor: 0,
            })
        })
    }
}

/// An open file of a host.
#[derive(Debug)]
pub struct File {
    node: NodeId,
    host: u32,
    path: String,
    options: OpenOptions,
    cursor: u64,
}

impl File {
    /// Reads from the cursor on; nothing at the end of the file.
    ///
    /// # Errors
    /// If it was not opened for reading, is a directory, or the process has ended.
    pub fn read(&mut self, into: &mut ReadBuf<'_>) -> io::Result<()> {
        if !self.options.read {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        inside(|machine| {
            machine.caller()?;
            let host = &machine.hosts[self.host as usize];
            if host.disk.tree.is_dir(self.node) {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let contents = host.disk.tree.contents(self.node);
            let rest = contents.get(self.cursor as usize..).unwrap_or_default();
            let count = rest.len().min(into.remaining());
            into.put_slice(&rest[..count]);
            cpu::charge_bytes(&host.cores, count);
            self.cursor += count as u64;
            Ok(())
        })
    }

    /// Writes all of `bytes` into the page cache, at the cursor or, when appending, at the end.
    ///
    /// # Errors
    /// If it was not opened for writing, or the process has ended.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !(self.options.write || self.options.append) {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        inside(|machine| {
            machine.caller()?;
            let host = &mut machine.hosts[self.host as usize];
            if self.options.append {
                self.cursor = host.disk.tree.contents(self.node).len() as u64;
            }
            host.disk.tree.write(self.node, self.cursor as usize, bytes);
            cpu::charge_bytes(&host.cores, bytes.len());
            self.cursor += bytes.len() as u64;
            machine.note_disk(self.host, "write", &self.path, bytes);
            Ok(bytes.len())
        })
    }

    /// Moves the cursor; gives its new place.
    ///
    /// # Errors
    /// If it would be before the beginning.
    pub fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = self.len()?;
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => length.checked_add_signed(by),
            SeekFrom::Current(by) => self.cursor.checked_add_signed(by),
        };
        self.cursor = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.cursor)
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn len(&self) -> io::Result<u64> {
        inside(|machine| {
            machine.caller()?;
            Ok(machine.hosts[self.host as usize]
                .disk
                .tree
                .contents(self.node)
                .len() as u64)
        })
    }

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        inside(|machine| {
            machine.hosts[self.host as usize]
                .disk
                .tree
                .is_dir(self.node)
        })
    }

    /// Cuts it off or fills it up with zeros.
    ///
    /// # Errors
    /// If it was not opened for writing, or the process has ended.
    pub fn set_len(&self, length: u64) -> io::Result<()> {
        if !(self.options.write || self.options.append) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        inside(|machine| {
            machine.caller()?;
            machine.hosts[self.host as usize]
                .disk
                .tree
                .resize(self.node, length as usize);
            machine.note_disk(self.host, "truncate", &self.path, &length.to_le_bytes());
            Ok(())
        })
    }

    /// Another handle of the same file with a cursor of its own at the same place.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let path = self.path.clone();
        Self {
            node: self.node,
            host: self.host,
            path,
            options: self.options,
            cursor: self.cursor,
        }
    }

    /// Makes durable what was written before the call.
    ///
    /// Cancellation: the device finishes what it was asked; only the answer is lost.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn sync(&self) -> io::Result<()> {
        wait_for_sync(self.host, Some(self.node)).await
    }
}
