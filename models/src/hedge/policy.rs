//! When a further attempt is made.

use std::time::Duration;

use crate::timeout::{InvalidLimits, Limits};

/// How many attempts a call may have under way, and when each next one begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Attempts in all, the first included; 2 to 5 (gRPC cuts off at 5).
    pub attempts: u32,
    /// How long to wait for the attempts under way before the next one.
    pub delay: Delay,
    /// How long the call and each attempt may take.
    pub limits: Limits,
    /// The longest pause a server may ask for before the next attempt; a longer one is cut to this.
    pub max_server_delay: Duration,
}

/// How long to wait before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Always as long.
    Fixed(Duration),
    /// As long as so many calls took, of those that succeeded in the last full window. Times count from
    /// the beginning of the call, whichever attempt succeeded: if hedges counted only their own, the
    /// slow calls would disappear from the window and the delay would shrink with each.
    Percentile {
        /// Which share of them, above 0 and below 1.
        percentile: f64,
        /// How long a window is, at least a millisecond.
        window: Duration,
        /// With fewer calls in it nobody knows, and there are no hedges.
        minimum: u64,
        /// The delay is never shorter.
        least: Duration,
    },
}

impl Default for Policy {
    /// One hedge after two seconds, as Polly has it.
    fn default() -> Self {
        Self {
            attempts: 2,
            delay: Delay::Fixed(Duration::from_secs(2)),
            limits: Limits::default(),
            max_server_delay: Duration::from_secs(300),
        }
    }
}

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// A value is NaN, infinite or outside of its range.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
    /// The call is over before its first hedge.
    #[error("`delay` must be below `total` (no call is ever hedged)")]
    NeverHedged,
    /// The time limits cannot be meant.
    #[error(transparent)]
    Limits(#[from] InvalidLimits),
}

impl Policy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// Fewer than 2 or more than 5 attempts, a percentile that is no number between 0 and 1, a window of
    /// less than a millisecond, a minimum of zero, a delay after the end of the call.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if !(2..=5).contains(&self.attempts) {
            return Err(InvalidPolicy::OutOfRange("attempts"));
        }
        self.limits.validate(self.attempts)?;
        let least = match self.delay {
            Delay::Fixed(delay) => delay,
            Delay::Percentile {
                percentile,
                window,
                minimum,
                least,
            } => {
                if !(percentile > 0.0 && percentile < 1.0) {
                    return Err(InvalidPolicy::OutOfRange("percentile"));
                }
                if window < Duration::from_millis(1) {
                    return Err(InvalidPolicy::OutOfRange("window"));
                }
                if minimum == 0 {
                    return Err(InvalidPolicy::Zero("minimum"));
                }
                least
            }
        };
        match self.limits.total {
            Some(total) if least >= total => Err(InvalidPolicy::NeverHedged),
            _ => Ok(()),
        }
    }
}
