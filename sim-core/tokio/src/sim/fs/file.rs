//! An open file.

use super::{Metadata, OpenOptions};
use crate::sim::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use std::{
    io::{self, SeekFrom},
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};
use windtunnel_engine::disk;

/// A file of a host's disk. Writes are in the page cache at once; they are durable after
/// [`File::sync_all`] or [`File::sync_data`].
#[derive(Debug)]
pub struct File {
    file: disk::File,
    sought: u64,
}

impl File {
    pub(super) fn new(file: disk::File) -> Self {
        Self { file, sought: 0 }
    }

    /// Opens for reading.
    ///
    /// # Errors
    /// As the standard library's.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens for writing, empty.
    ///
    /// # Errors
    /// As the standard library's.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .await
    }

    /// The switches, all off.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Makes the contents durable, and every name on the disk.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn sync_all(&self) -> io::Result<()> {
        if self.file.is_dir() {
            disk::sync_dir().await
        } else {
            self.file.sync().await
        }
    }

    /// As [`File::sync_all`].
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn sync_data(&self) -> io::Result<()> {
        self.sync_all().await
    }

    /// Cuts it off or fills it up with zeros.
    ///
    /// # Errors
    /// If it was not opened for writing.
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    /// What is known of it.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        Ok(Metadata(disk::Metadata {
            is_dir: self.file.is_dir(),
            len: self.file.len()?,
        }))
    }

    /// Another handle with a cursor of its own.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub async fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::new(self.file.duplicate()))
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(self.file.read(buf))
    }
}

impl AsyncWrite for File {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.file.write(buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for File {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.sought = self.file.seek(position)?;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.sought))
    }
}
