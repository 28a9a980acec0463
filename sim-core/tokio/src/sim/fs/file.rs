//! An open file.

use super::{Metadata, OpenOptions};
use crate::sim::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use std::{
    io::{self, SeekFrom},
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};
use windtunnel_engine::disk;

/// A file of a host's disk. Writes are in the page cache at once; they are durable after
/// [`File::sync_all`] or [`File::sync_data`].
///
/// As tokio's, it tells a failed write not to the caller that made it but to the next one that writes,
/// flushes or shuts down: whoever wants to know flushes.
#[derive(Debug)]
pub struct File {
    file: disk::File,
    sought: u64,
    /// What came of an earlier write, for the next caller.
    write_error: Option<io::ErrorKind>,
}

impl File {
    pub(super) fn new(file: disk::File) -> Self {
        Self {
            file,
            sought: 0,
            write_error: None,
        }
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

    /// Makes a file that is not there, for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists`, and others as the standard library's.
    pub async fn create_new(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .await
    }

    /// The switches, all off.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Makes the contents durable, and with them every name on the disk if the file changed since the
    /// last commit (fsync).
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.file.sync(false).await
    }

    /// Makes the contents durable, and its length (fdatasync).
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn sync_data(&self) -> io::Result<()> {
        self.file.sync(true).await
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
        self.file.metadata().map(Metadata)
    }

    /// Another handle of the same opening: both share one cursor.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn try_clone(&self) -> io::Result<Self> {
        self.file.duplicate().map(Self::new)
    }

    fn told(&mut self) -> io::Result<()> {
        match self.write_error.take() {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.file.poll_read(cx, buf)
    }
}

impl AsyncWrite for File {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.told()?;
        if let Err(error) = ready!(self.file.poll_write_all(cx, buf)) {
            self.write_error = Some(error.kind());
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.told())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
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
