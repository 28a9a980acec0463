//! A line for every request, written by nobody who answers requests.
//!
//! It prevents that what happened is known only to whoever it happened to. It can cause an outage if
//! whoever answers waits for the disk that the lines go to: so a line is put in a queue of a fixed length,
//! and one that finds it full is thrown away and counted. The lines are written by one task, many at once.

mod line;
mod queue;

use std::sync::Arc;

pub use line::LogFormat;
pub use queue::{AccessLog, Writer};

/// The time of the day, as the time since 1970 in UTC. It comes from outside, because nothing here reads a
/// wall clock.
pub type Clock = Arc<dyn Fn() -> std::time::Duration + Send + Sync>;
