//! Which counts open a closed breaker.

use std::time::Duration;

use super::policy::{ratio, time};
use super::{Counts, InvalidPolicy};

/// Which counts open a closed breaker. Asked only after a call that failed, was throttled (if the policy
/// counts that) or was slow: a good call never opens one.
#[derive(Clone, Copy, Debug)]
pub enum Trip {
    /// More failures in a row than this (strict).
    ConsecutiveFailures {
        /// The number that does not open it yet.
        more_than: u64,
    },
    /// At least `ratio` of the admitted calls that were not excluded did not succeed, and there were at
    /// least `minimum`. Calls in flight dilute it.
    FailureRatio {
        /// The smallest number of calls that decides anything.
        minimum: u64,
        /// From above 0 up to 1.
        ratio: f64,
    },
    /// Several thresholds at once, over calls that ended.
    Thresholds(Thresholds),
    /// A law of the caller's. It must be pure: it runs in the middle of a decision.
    When(fn(&Counts) -> bool),
}

/// Thresholds over calls that ended; the first one reached opens the breaker. What is `None` never does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// With fewer calls than this no ratio decides anything; streaks do not ask.
    pub minimum: u64,
    /// At least so many failures in a row.
    pub failures_in_a_row: Option<u64>,
    /// At least such a share of calls that did not succeed.
    pub failed: Option<f64>,
    /// At least such a share of slow calls.
    pub slow: Option<SlowCalls>,
    /// A share of successes below this (strict).
    pub succeeded: Option<f64>,
}

/// When a call is slow, and how many may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowCalls {
    /// What took longer is slow; what took exactly so long is not.
    pub longer_than: Duration,
    /// From above 0 up to 1.
    pub ratio: f64,
}

impl Default for Thresholds {
    /// None, with a minimum of 1: a beginning for others, not a policy.
    fn default() -> Self {
        Self {
            minimum: 1,
            failures_in_a_row: None,
            failed: None,
            slow: None,
            succeeded: None,
        }
    }
}

impl PartialEq for Trip {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (
                Self::ConsecutiveFailures { more_than: a },
                Self::ConsecutiveFailures { more_than: b },
            ) => a == b,
            (
                Self::FailureRatio {
                    minimum: a,
                    ratio: x,
                },
                Self::FailureRatio {
                    minimum: b,
                    ratio: y,
                },
            ) => a == b && x == y,
            (Self::Thresholds(a), Self::Thresholds(b)) => a == b,
            (Self::When(a), Self::When(b)) => std::ptr::fn_addr_eq(a, b),
            _ => false,
        }
    }
}

impl Trip {
    /// Whether a closed breaker opens.
    pub(super) fn opens(&self, counts: &Counts) -> bool {
        self.reached(counts, self.minimum())
    }

    /// Whether a half-open breaker opens again, once all its trials ended: however few they are.
    pub(super) fn condemns(&self, counts: &Counts) -> bool {
        self.reached(counts, 1)
    }

    /// What took longer is slow.
    pub(super) fn slow_after(&self) -> Option<Duration> {
        match self {
            Self::Thresholds(thresholds) => thresholds.slow.map(|slow| slow.longer_than),
            _ => None,
        }
    }

    /// The smallest number of calls that decides anything.
    pub(super) const fn minimum(&self) -> u64 {
        match self {
            Self::FailureRatio { minimum, .. } => *minimum,
            Self::Thresholds(thresholds) => thresholds.minimum,
            Self::ConsecutiveFailures { .. } | Self::When(_) => 1,
        }
    }

    /// The streak of failures that is enough, if nothing else is looked at.
    pub(super) const fn only_streak(&self) -> Option<u64> {
        match self {
            Self::ConsecutiveFailures { more_than } => Some(more_than.saturating_add(1)),
            Self::Thresholds(Thresholds {
                failures_in_a_row,
                failed: None,
                slow: None,
                succeeded: None,
                ..
            }) => *failures_in_a_row,
            _ => None,
        }
    }

    fn reached(&self, counts: &Counts, minimum: u64) -> bool {
        match *self {
            Self::ConsecutiveFailures { more_than } => counts.consecutive_failures > more_than,
            Self::FailureRatio { ratio, .. } => {
                let valid = counts.valid();
                valid >= minimum && share(counts.unsuccessful(), valid).is_some_and(|s| s >= ratio)
            }
            Self::Thresholds(thresholds) => thresholds.reached(counts, minimum),
            Self::When(opens) => opens(counts),
        }
    }

    pub(super) fn validate(&self) -> Result<(), InvalidPolicy> {
        match self {
            Self::ConsecutiveFailures { .. } | Self::When(_) => Ok(()),
            Self::FailureRatio { minimum, ratio: r } => {
                at_least_one("trip.minimum", *minimum)?;
                ratio("trip.ratio", *r)
            }
            Self::Thresholds(thresholds) => thresholds.validate(),
        }
    }
}

impl Thresholds {
    fn reached(&self, counts: &Counts, minimum: u64) -> bool {
        let streak = self.failures_in_a_row;
        if streak.is_some_and(|streak| counts.consecutive_failures >= streak) {
            return true;
        }
        let ended = counts.ended();
        if ended < minimum {
            return false;
        }
        let at_least = |part, bound: Option<f64>| {
            let share = share(part, ended);
            share
                .zip(bound)
                .is_some_and(|(share, bound)| share >= bound)
        };
        let succeeded = share(counts.successes, ended).zip(self.succeeded);
        at_least(counts.unsuccessful(), self.failed)
            || at_least(counts.slow, self.slow.map(|slow| slow.ratio))
            || succeeded.is_some_and(|(share, bound)| share < bound)
    }

    fn validate(&self) -> Result<(), InvalidPolicy> {
        at_least_one("trip.minimum", self.minimum)?;
        if let Some(streak) = self.failures_in_a_row {
            at_least_one("trip.failures_in_a_row", streak)?;
        }
        if let Some(failed) = self.failed {
            ratio("trip.failed", failed)?;
        }
        if let Some(slow) = self.slow {
            time("trip.slow.longer_than", slow.longer_than)?;
            ratio("trip.slow.ratio", slow.ratio)?;
        }
        if let Some(succeeded) = self.succeeded {
            ratio("trip.succeeded", succeeded)?;
        }
        let minimum = self.minimum;
        if *self
            == (Self {
                minimum,
                ..Self::default()
            })
        {
            return Err(InvalidPolicy::Contradiction("trip.thresholds"));
        }
        Ok(())
    }
}

/// Nothing of nothing is no share.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn at_least_one(name: &'static str, value: u64) -> Result<(), InvalidPolicy> {
    if value == 0 {
        return Err(InvalidPolicy::Zero(name));
    }
    Ok(())
}
