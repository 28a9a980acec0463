//! What can go wrong with a journal.

use std::{io, path::PathBuf};

/// Why a journal cannot be opened or appended to; completes "failed to keep the journal: ...".
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The journal's file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A record before the end of the file is damaged; nothing was changed.
    #[error(
        "{path}: the record at byte {offset} is damaged and others follow it (restore the file from \
         a copy, or cut it there if losing what follows is acceptable)",
        path = path.display()
    )]
    Damaged {
        /// The journal's file.
        path: PathBuf,
        /// Where the damaged record begins.
        offset: u64,
    },
    /// A record of more than 16 MiB.
    #[error("a record of {0} bytes is too large (at most 16 MiB)")]
    TooLarge(usize),
    /// An earlier write or fsync failed, so what is on the disk is not known.
    #[error(
        "{path}: an earlier write failed (open the journal anew to see what is there)",
        path = .0.display()
    )]
    Broken(PathBuf),
    /// The task that wrote was ended with the process.
    #[error("the write was cut short")]
    Cut,
}
