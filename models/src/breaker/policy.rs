//! The settings of a breaker.

use std::time::Duration;

use super::counts::Mark;
use super::{InvalidPolicy, OpenTime, Outcome, Trip, Window};

const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
const MOST_TRIALS: u64 = 10_000;

/// The settings of a breaker. The defaults are gobreaker's; the deadline of trials is ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Trials that run at once in half-open, and that have to succeed to close it; at most 10,000.
    pub max_trials: u64,
    /// How long a trial may take; at any later instant the breaker opens again, and the trial's result
    /// no longer counts. Without it a trial that hangs would hold a slot for ever.
    pub trial_timeout: Duration,
    /// What closes or opens it again in half-open.
    pub recovery: Recovery,
    /// Over what the calls of a closed breaker are counted.
    pub window: Window,
    /// Which counts open it.
    pub trip: Trip,
    /// What it means that an endpoint asks for less.
    pub throttling: Throttling,
    /// How long it stays open.
    pub open: OpenTime,
}

/// What closes or opens a half-open breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// `max_trials` successes in a row close it, the first trial that fails, is throttled (if that counts)
    /// or is slow opens it at once (gobreaker).
    #[default]
    EveryTrial,
    /// Once `max_trials` trials ended, the trip rule decides over their counts, without its minimum: it
    /// opens, or else it closes (resilience4j).
    Share,
}

/// What it means that an endpoint asks for less ([`Outcome::Throttled`]). It is never a failure: whoever
/// says "not now" is not down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Throttling {
    /// Nothing; a throttled trial gives its slot back.
    #[default]
    Excluded,
    /// It counts against every ratio, ends a streak of failures, and fails a trial (linkerd).
    InRatio,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_trials: 1,
            trial_timeout: Duration::from_secs(10),
            recovery: Recovery::EveryTrial,
            window: Window::Forever,
            trip: Trip::ConsecutiveFailures { more_than: 5 },
            throttling: Throttling::Excluded,
            open: OpenTime::default(),
        }
    }
}

impl Policy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if self.max_trials == 0 {
            return Err(InvalidPolicy::Zero("max_trials"));
        }
        if self.max_trials > MOST_TRIALS {
            return Err(InvalidPolicy::OutOfRange("max_trials"));
        }
        time("trial_timeout", self.trial_timeout)?;
        self.open.validate()?;
        self.trip.validate()?;
        self.window.validate()?;
        self.agrees()
    }

    /// Whether the values can be meant together.
    fn agrees(&self) -> Result<(), InvalidPolicy> {
        if let Window::Calls(calls) = self.window
            && self.trip.minimum() > calls
        {
            return Err(InvalidPolicy::Contradiction("trip.minimum"));
        }
        let streak = self.trip.only_streak();
        if self.recovery == Recovery::Share && streak.is_some_and(|n| n > self.max_trials) {
            return Err(InvalidPolicy::Contradiction("recovery"));
        }
        Ok(())
    }

    /// What a call that took so long and ended so counts as.
    pub(super) fn mark(&self, outcome: Outcome, took: Duration) -> Mark {
        let outcome = match (outcome, self.throttling) {
            (Outcome::Throttled { .. }, Throttling::Excluded) => Outcome::Excluded,
            (outcome, _) => outcome,
        };
        let too_long = self.trip.slow_after().is_some_and(|limit| took > limit);
        let slow = too_long && outcome != Outcome::Excluded;
        Mark { outcome, slow }
    }
}

/// Above zero, and no more than ten years.
pub(super) fn time(name: &'static str, value: Duration) -> Result<(), InvalidPolicy> {
    if value.is_zero() {
        return Err(InvalidPolicy::Zero(name));
    }
    if value > LONGEST {
        return Err(InvalidPolicy::TooLong(name));
    }
    Ok(())
}

/// Above 0 and up to 1.
pub(super) fn ratio(name: &'static str, value: f64) -> Result<(), InvalidPolicy> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(InvalidPolicy::OutOfRange(name))
}
