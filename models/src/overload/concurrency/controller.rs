//! The trait of all laws that move a limit.

use std::time::Duration;

use tokio::time::Instant;

use crate::overload::error::count;
use crate::overload::{InvalidPolicy, Outcome};

/// The largest limit anybody may ask for.
pub(super) const MOST: usize = 1 << 20;

/// A law that moves a limit by what calls take. It never waits and calls nothing.
pub trait Controller: std::fmt::Debug + Send {
    /// A call ended that took `rtt`; `in_flight` calls were under way when it was admitted, itself
    /// included. Only [`Outcome::Success`] is a sample of latency.
    fn on_sample(&mut self, rtt: Duration, in_flight: usize, outcome: Outcome, now: Instant);

    /// How many calls may be under way at once; never zero.
    fn limit(&self) -> usize;
}

/// A limit that does not move.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(usize);

impl Fixed {
    /// Always `limit`.
    ///
    /// # Errors
    ///
    /// Zero, or more than a million.
    pub fn new(limit: usize) -> Result<Self, InvalidPolicy> {
        count("limit", limit, MOST)?;
        Ok(Self(limit))
    }
}

impl Controller for Fixed {
    fn on_sample(&mut self, _: Duration, _: usize, _: Outcome, _: Instant) {}

    fn limit(&self) -> usize {
        self.0
    }
}

/// Whether so many calls in flight are less than half of the limit: then the limit holds nobody back, and
/// that calls are quick says nothing about whether more of them would be.
pub(super) fn is_idle(in_flight: usize, limit: f64) -> bool {
    in_flight as f64 * 2.0 < limit
}

/// The bounds of a limit and where it begins.
pub(super) fn bounds(min: usize, initial: usize, max: usize) -> Result<(), InvalidPolicy> {
    count("min", min, MOST)?;
    count("max", max, MOST)?;
    count("initial", initial, MOST)?;
    if min > max {
        return Err(InvalidPolicy::Contradiction("min"));
    }
    if !(min..=max).contains(&initial) {
        return Err(InvalidPolicy::Contradiction("initial"));
    }
    Ok(())
}
