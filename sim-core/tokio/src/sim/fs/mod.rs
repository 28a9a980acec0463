//! The engine's disks in tokio's clothes. Each host has its own, which its processes outlive.

mod file;
mod open_options;

pub use file::File;
pub use open_options::OpenOptions;

use crate::sim::io::{AsyncReadExt, AsyncWriteExt};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};
use windtunnel_engine::disk;

/// The contents of a file.
///
/// # Errors
/// As [`File::open`].
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    File::open(path).await?.read_to_end(&mut contents).await?;
    Ok(contents)
}

/// The contents of a text file.
///
/// # Errors
/// As [`read`], and `InvalidData` if it is not UTF-8.
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let mut contents = String::new();
    File::open(path)
        .await?
        .read_to_string(&mut contents)
        .await?;
    Ok(contents)
}

/// Replaces the contents of a file, or makes it. Not durable before an fsync.
///
/// # Errors
/// As [`File::create`].
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    File::create(path).await?.write_all(contents.as_ref()).await
}

/// Gives a file another name.
///
/// # Errors
/// As the standard library's.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    disk::rename(from.as_ref(), to.as_ref())
}

/// Removes a file.
///
/// # Errors
/// As the standard library's.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    disk::remove_file(path.as_ref())
}

/// Makes a directory and all above it.
///
/// # Errors
/// As the standard library's.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    disk::create_dir_all(path.as_ref())
}

/// Removes a directory with everything below it.
///
/// # Errors
/// As the standard library's.
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    disk::remove_dir_all(path.as_ref())
}

/// Whether a file or directory of this name is there.
///
/// # Errors
/// If that cannot be told.
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match disk::metadata(path.as_ref()) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is known of a file without opening it.
///
/// # Errors
/// `NotFound`.
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    disk::metadata(path.as_ref()).map(Metadata)
}

/// See [`metadata`].
#[derive(Clone, Copy, Debug)]
pub struct Metadata(disk::Metadata);

#[expect(
    clippy::len_without_is_empty,
    reason = "the names are the standard library's"
)]
impl Metadata {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.0.is_dir
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        !self.0.is_dir
    }
}

/// The entries of a directory, in the order of their names.
///
/// # Errors
/// `NotFound`, `NotADirectory`.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let directory = path.as_ref().to_path_buf();
    Ok(ReadDir {
        names: disk::read_dir(&directory)?.into_iter(),
        directory,
    })
}

/// See [`read_dir`].
#[derive(Debug)]
pub struct ReadDir {
    directory: PathBuf,
    names: std::vec::IntoIter<String>,
}

impl ReadDir {
    /// The next entry.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        let next = self.names.next();
        Ok(next.map(|name| DirEntry {
            path: self.directory.join(&name),
            name,
        }))
    }
}

/// An entry of a directory.
#[derive(Debug)]
pub struct DirEntry {
    path: PathBuf,
    name: String,
}

impl DirEntry {
    /// Its whole path.
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Its name in the directory.
    pub fn file_name(&self) -> OsString {
        self.name.clone().into()
    }

    /// What is known of it.
    ///
    /// # Errors
    /// `NotFound` if it was removed since.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        disk::metadata(&self.path).map(Metadata)
    }
}
