//! The entries of a directory.

use super::metadata::{FileType, Metadata};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};
use windtunnel_engine::disk;

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

    /// What it is.
    ///
    /// # Errors
    /// `NotFound` if it was removed since.
    pub async fn file_type(&self) -> io::Result<FileType> {
        Ok(self.metadata().await?.file_type())
    }
}
