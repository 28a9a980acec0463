//! How to open a file.

use super::File;
use std::{io, path::Path};
use windtunnel_engine::disk;

/// The switches of tokio's, which are the standard library's.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions(disk::OpenOptions);

macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, yes: bool) -> &mut Self {
            self.0.$name = yes;
            self
        }
    )*};
}

impl OpenOptions {
    /// All off.
    pub fn new() -> Self {
        Self::default()
    }

    switches! {
        /// Reading.
        read
        /// Writing.
        write
        /// Writing at the end only.
        append
        /// Emptying a file that exists.
        truncate
        /// Making a file that does not exist.
        create
        /// Making a file, and failing if it exists.
        create_new
    }

    /// Opens a file of the caller's host.
    ///
    /// # Errors
    /// As the standard library's.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.0.open(path.as_ref()).map(File::new)
    }
}
