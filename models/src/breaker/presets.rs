//! The defaults of well-known breakers, as policies of this one, and what differs from the original.
//!
//! In all of them, because no peer has it: a trial has a deadline, and a result counts only in the
//! generation that admitted its call. A good call never opens a breaker, even if a threshold is reached
//! only because it completed the minimum. Change single fields with struct update syntax.

use std::time::Duration;

use super::{OpenTime, Policy, Recovery, SlowCalls, Thresholds, Throttling, Trip, Window};

const SECOND: Duration = Duration::from_secs(1);

/// A share of calls that failed, of at least so many.
fn failed(minimum: u64, share: f64) -> Trip {
    Trip::Thresholds(Thresholds {
        minimum,
        failed: Some(share),
        ..Thresholds::default()
    })
}

fn rolling(interval: Duration, buckets: u32) -> Window {
    let bucket = interval / buckets;
    Window::Rolling { interval, bucket }
}

impl Policy {
    /// sony/gobreaker, version 2: six failures in a row, counted for ever, open for a minute, one trial.
    /// The same as the default.
    ///
    /// *Differs*: only in the deadline of the trial, and its counts do not overflow after 32 bits.
    pub fn gobreaker() -> Self {
        Self::default()
    }

    /// resilience4j: half of the last 100 calls failed, or all of them took more than a minute; open for
    /// a minute; ten trials, then the same thresholds decide. For its time-based window set `window` to
    /// 100 seconds in buckets of one.
    ///
    /// *Differs*: trials have a deadline of two minutes (there: an optional maximum wait, off), beyond
    /// which the breaker opens. Thresholds are not asked after a call that was neither failed nor slow.
    pub fn resilience4j() -> Self {
        Self {
            max_trials: 10,
            trial_timeout: 120 * SECOND,
            recovery: Recovery::Share,
            window: Window::Calls(100),
            trip: Trip::Thresholds(Thresholds {
                minimum: 100,
                failed: Some(0.5),
                slow: Some(SlowCalls {
                    longer_than: 60 * SECOND,
                    ratio: 1.0,
                }),
                ..Thresholds::default()
            }),
            open: OpenTime::fixed(60 * SECOND),
            ..Self::default()
        }
    }

    /// Polly, version 8: a tenth of at least 100 calls within 30 seconds failed; open for five seconds;
    /// exactly one trial.
    ///
    /// *Differs*: Polly keeps a single window if its duration is below 200 ms; say [`Window::Fixed`] for
    /// that. Its generator of open times by attempt is `open.growth` here.
    pub fn polly() -> Self {
        Self {
            window: rolling(30 * SECOND, 10),
            trip: failed(100, 0.1),
            open: OpenTime::fixed(5 * SECOND),
            ..Self::default()
        }
    }

    /// Netflix Hystrix: half of at least 20 calls within ten seconds failed; open for five seconds;
    /// exactly one trial.
    ///
    /// *Differs*: Hystrix decides on a snapshot that is up to half a second old, this one on the counts
    /// as they are.
    pub fn hystrix() -> Self {
        Self {
            window: rolling(10 * SECOND, 10),
            trip: failed(20, 0.5),
            open: OpenTime::fixed(5 * SECOND),
            ..Self::default()
        }
    }

    /// failsafe-rs: five failures in a row, or less than 80 % successes of at least five calls within 30
    /// seconds; open for 10 to 300 seconds with equal jitter (half is fixed, half is drawn).
    ///
    /// *Differs*: the share is exact over the window, there it is a moving average that also waits for a
    /// whole window to pass; open times are drawn to the nanosecond, there to the second; trials are
    /// bounded and late results told apart, there they are not.
    pub fn failsafe() -> Self {
        Self {
            window: rolling(30 * SECOND, 5),
            trip: Trip::Thresholds(Thresholds {
                minimum: 5,
                failures_in_a_row: Some(5),
                succeeded: Some(0.8),
                ..Thresholds::default()
            }),
            open: OpenTime::doubling(5 * SECOND, 150 * SECOND, 1.0),
            ..Self::default()
        }
    }

    /// linkerd's unified breaker: seven failures in a row, or a share of successes below `succeeded` of
    /// at least `minimum` calls within `window`, in ten buckets; open for 1 to 60 seconds, doubling, with
    /// half of that as jitter; exactly one trial. A throttled call counts in the share only, and fails a
    /// trial; an open time is at least what `Retry-After` asked for, up to a minute.
    ///
    /// *Differs*: linkerd checks the share after good answers too.
    pub fn linkerd(succeeded: f64, minimum: u64, window: Duration) -> Self {
        Self {
            trial_timeout: 60 * SECOND,
            window: rolling(window, 10),
            trip: Trip::Thresholds(Thresholds {
                minimum,
                failures_in_a_row: Some(7),
                succeeded: Some(succeeded),
                ..Thresholds::default()
            }),
            throttling: Throttling::InRatio,
            open: OpenTime::doubling(SECOND, 60 * SECOND, 0.5),
            ..Self::default()
        }
    }

    /// Apache APISIX `api-breaker`: three failures, open for 2, 4, 8 up to 300 seconds, three successes
    /// to close. Which statuses fail is a matter of the [`Classification`](super::Classification); there
    /// it is 500 alone, and only 200 succeeds.
    ///
    /// *Differs*: there the three need not be in a row (three successes wipe them out), nothing bounds
    /// the calls once an open time is over, and it takes three more failures to open again.
    pub fn apisix() -> Self {
        Self {
            max_trials: 3,
            trip: Trip::ConsecutiveFailures { more_than: 2 },
            open: OpenTime::doubling(2 * SECOND, 300 * SECOND, 0.0),
            ..Self::default()
        }
    }
}
