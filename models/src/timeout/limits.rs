//! How long a call may take in all, and each of its attempts.

use std::time::Duration;

use tokio::time::Instant;

use super::{Deadline, InvalidLimits};

/// The time of a call and of its attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of the whole call, its pauses included. None: as long as its caller waits.
    pub total: Option<Duration>,
    /// Of each attempt. None: as long as the whole call.
    pub per_try: Option<Duration>,
}

impl Limits {
    /// Checks them for a call of so many `attempts`.
    ///
    /// # Errors
    ///
    /// One of them is zero, or an attempt may take as long as the whole call, so that a slow one would
    /// never be followed by another.
    pub fn validate(&self, attempts: u32) -> Result<(), InvalidLimits> {
        if self.total.is_some_and(|total| total.is_zero()) {
            return Err(InvalidLimits::Zero("total"));
        }
        if self.per_try.is_some_and(|per_try| per_try.is_zero()) {
            return Err(InvalidLimits::Zero("per-try"));
        }
        match (self.per_try, self.total) {
            (Some(per_try), Some(total)) if attempts > 1 && per_try >= total => {
                Err(InvalidLimits::NoTimeForAnother)
            }
            _ => Ok(()),
        }
    }

    /// The deadline of a call that begins `now` for a caller that waits until `parent`.
    pub fn of_call(&self, now: Instant, parent: Option<Deadline>) -> Option<Deadline> {
        earliest(parent, self.total, now)
    }

    /// The deadline of an attempt that begins `now`; never after that of its `call`.
    pub fn of_attempt(&self, now: Instant, call: Option<Deadline>) -> Option<Deadline> {
        earliest(call, self.per_try, now)
    }
}

fn earliest(given: Option<Deadline>, after: Option<Duration>, now: Instant) -> Option<Deadline> {
    let own = after.map(|after| Deadline::after(now, after));
    given.into_iter().chain(own).min()
}
