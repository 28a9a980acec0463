//! Time with tokio's semantics: a granularity of one millisecond, counted from the start of the run,
//! and never too early.

mod interval;
mod sleep;
mod timeout;

pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Duration;
pub use timeout::{Timeout, timeout, timeout_at};
pub use tokio_real::time::Instant;

/// Errors of this module.
pub mod error {
    pub use super::timeout::Elapsed;
}
