//! The trait of all laws that decide at the door.

use std::time::Duration;

use tokio::time::Instant;

use super::{Level, Reason};
use crate::overload::{Call, Outcome};

/// How an admitted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Its outcome; `None` if its caller went away.
    pub outcome: Option<Outcome>,
    /// How long it took since it was admitted.
    pub took: Duration,
    /// Calls that are still under way, without it.
    pub in_flight: usize,
}

/// A law that decides who is admitted. It never waits and calls nothing; it hears of no health check.
pub trait Admission: std::fmt::Debug + Send {
    /// Decides on a call while `in_flight` others are under way.
    ///
    /// # Errors
    ///
    /// It is shed.
    fn admit(&mut self, call: &Call, in_flight: usize, now: Instant) -> Result<(), Reason>;

    /// An admitted call ended.
    fn ended(&mut self, end: &End, now: Instant) {
        let _ = (end, now);
    }

    /// An admitted call waited so long before work on it began.
    fn queued(&mut self, waited: Duration, now: Instant) {
        let _ = (waited, now);
    }

    /// Up to which level calls are admitted, if the law has levels: to be told to callers, who then need
    /// not even ask for the others.
    fn threshold(&self) -> Option<Level> {
        None
    }
}
