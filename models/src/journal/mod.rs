//! Journal: an append-only file of records that are durable when the call returns.
//!
//! It prevents that a process forgets what it promised when it crashes or its host loses power. It
//! can cause latency: each append waits for an fsync, which appends that come together share (group
//! commit). A record is framed by its length and its XXH3-64; a torn tail is cut off when the file
//! is opened, and damage before the tail is an error with its place, never a guess. After a failed
//! fsync nothing more is promised until the journal is opened anew.

mod error;
mod frame;
mod writer;

pub use error::JournalError;
pub(crate) use frame::framed_length;
pub use writer::Journal;
