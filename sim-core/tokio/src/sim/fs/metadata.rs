//! What is known of a file without reading it.

use std::{io, time::SystemTime};
use windtunnel_engine::disk;

/// What is known of a file or directory: the part of the standard library's that a simulated disk
/// has.
#[derive(Clone, Copy, Debug)]
pub struct Metadata(pub(super) disk::Metadata);

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

    /// Whether it is a symbolic link: never, a simulated disk has none.
    pub fn is_symlink(&self) -> bool {
        false
    }

    /// What it is.
    pub fn file_type(&self) -> FileType {
        FileType {
            is_dir: self.0.is_dir,
        }
    }

    /// When its bytes were last changed, by its host's clock.
    ///
    /// # Errors
    /// Never here; the signature is the standard library's.
    pub fn modified(&self) -> io::Result<SystemTime> {
        Ok(self.0.modified)
    }
}

/// Whether something is a file or a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileType {
    is_dir: bool,
}

impl FileType {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.is_dir
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        !self.is_dir
    }

    /// Whether it is a symbolic link: never, a simulated disk has none.
    pub fn is_symlink(&self) -> bool {
        false
    }
}
