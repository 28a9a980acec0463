//! When a breaker opens, for how long, and what closes it again.

use std::time::Duration;

use super::{Counts, InvalidPolicy};

const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
const MOST_BUCKETS: u128 = 10_000;

/// The settings of a breaker. The defaults are gobreaker's; the deadline of trials is ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Trials that run at once in half-open, and that have to succeed in a row to close it.
    pub max_trials: u64,
    /// How long a trial may take; at any later instant it counts as failed and its slot is free.
    pub trial_timeout: Duration,
    /// Over what the calls of a closed breaker are counted.
    pub window: Window,
    /// Which counts open it.
    pub trip: Trip,
    /// How long it stays open.
    pub open: OpenTime,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_trials: 1,
            trial_timeout: Duration::from_secs(10),
            window: Window::Forever,
            trip: Trip::ConsecutiveFailures { more_than: 5 },
            open: OpenTime::default(),
        }
    }
}

/// Over what the calls of a closed breaker are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Since it closed.
    Forever,
    /// Since the last multiple of an interval: the counts begin anew at the first look later than it.
    Fixed(Duration),
    /// Over the last `interval`, rounded up to whole buckets.
    Rolling {
        /// The width of the window.
        interval: Duration,
        /// The width of a bucket.
        bucket: Duration,
    },
}

/// Which counts open a closed breaker. Asked after a failure only.
#[derive(Clone, Copy, Debug)]
pub enum Trip {
    /// More failures in a row than this (strict).
    ConsecutiveFailures {
        /// The number that does not open it yet.
        more_than: u64,
    },
    /// At least `ratio` of the calls that were not excluded failed, and there were at least `minimum`.
    FailureRatio {
        /// The smallest number of calls that decides anything.
        minimum: u64,
        /// From above 0 up to 1.
        ratio: f64,
    },
    /// A law of the caller's. It must be pure: it runs in the middle of a decision.
    When(fn(&Counts) -> bool),
}

impl PartialEq for Trip {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
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
            (Self::When(a), Self::When(b)) => std::ptr::fn_addr_eq(*a, *b),
            _ => false,
        }
    }
}

impl Trip {
    pub(super) fn opens(&self, counts: &Counts) -> bool {
        match *self {
            Self::ConsecutiveFailures { more_than } => counts.consecutive_failures > more_than,
            Self::FailureRatio { minimum, ratio } => {
                let valid = counts.valid();
                valid > 0 && valid >= minimum && counts.failures as f64 / valid as f64 >= ratio
            }
            Self::When(opens) => opens(counts),
        }
    }
}

/// How long a breaker stays open: `base`, times `growth` for every time it reopened without having
/// closed, at most `max`; then up to `jitter` of that longer, so that many breakers part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenTime {
    /// The first time.
    pub base: Duration,
    /// 1 for an open time that does not grow.
    pub growth: f64,
    /// The longest, before the jitter.
    pub max: Duration,
    /// A fraction from 0 to 1.
    pub jitter: f64,
}

impl Default for OpenTime {
    fn default() -> Self {
        let base = Duration::from_secs(60);
        Self {
            base,
            growth: 1.0,
            max: base,
            jitter: 0.0,
        }
    }
}

impl OpenTime {
    /// Always exactly `base`.
    pub const fn fixed(base: Duration) -> Self {
        Self {
            base,
            growth: 1.0,
            max: base,
            jitter: 0.0,
        }
    }

    /// Without jitter, for the `reopened`-th time in a row.
    pub(super) fn bound(&self, reopened: u32) -> Duration {
        let mut seconds = self.base.as_secs_f64();
        let max = self.max.as_secs_f64();
        if self.growth == 1.0 || reopened == 0 {
            return self.base.min(self.max);
        }
        for _ in 0..reopened {
            seconds *= self.growth;
            if seconds >= max {
                return self.max;
            }
        }
        Duration::from_secs_f64(seconds)
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
        time("trial_timeout", self.trial_timeout)?;
        time("open.base", self.open.base)?;
        time("open.max", self.open.max)?;
        let growth = self.open.growth;
        if !(1.0..=1000.0).contains(&growth) {
            return Err(InvalidPolicy::OutOfRange("open.growth"));
        }
        if !(0.0..=1.0).contains(&self.open.jitter) {
            return Err(InvalidPolicy::OutOfRange("open.jitter"));
        }
        if self.open.max < self.open.base {
            return Err(InvalidPolicy::OutOfRange("open.max"));
        }
        if let Trip::FailureRatio { minimum, ratio } = self.trip {
            if minimum == 0 {
                return Err(InvalidPolicy::Zero("trip.minimum"));
            }
            if !(ratio > 0.0 && ratio <= 1.0) {
                return Err(InvalidPolicy::OutOfRange("trip.ratio"));
            }
        }
        match self.window {
            Window::Forever => Ok(()),
            Window::Fixed(interval) => time("window", interval),
            Window::Rolling { interval, bucket } => {
                time("window.interval", interval)?;
                time("window.bucket", bucket)?;
                if interval.as_nanos().div_ceil(bucket.as_nanos()) > MOST_BUCKETS {
                    return Err(InvalidPolicy::TooManyBuckets);
                }
                Ok(())
            }
        }
    }
}

impl Window {
    pub(super) fn buckets(&self) -> usize {
        match self {
            Self::Forever | Self::Fixed(_) => 1,
            Self::Rolling { interval, bucket } => {
                interval.as_nanos().div_ceil(bucket.as_nanos()) as usize
            }
        }
    }
}

fn time(name: &'static str, value: Duration) -> Result<(), InvalidPolicy> {
    if value.is_zero() {
        return Err(InvalidPolicy::Zero(name));
    }
    if value > LONGEST {
        return Err(InvalidPolicy::TooLong(name));
    }
    Ok(())
}
