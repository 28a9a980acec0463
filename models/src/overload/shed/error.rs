//! Why a shedder turns a call away.

use std::time::Duration;

use http::StatusCode;

use super::Level;

/// What a law says about a call it does not admit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Too many calls failed lately; it was refused with this probability.
    SuccessRate {
        /// From 0 to 1.
        probability: f64,
    },
    /// The machine is busy and more calls are under way than it has shown to be able to do.
    InFlight {
        /// How many are under way.
        in_flight: usize,
        /// How many may be.
        allowed: f64,
    },
    /// Calls queue for too long, and it is not important enough.
    Level {
        /// The last level that is admitted.
        threshold: Level,
    },
}

/// A call was not admitted. Not a failure of the service, and no sample of its latency.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the service sheds load ({reason:?})")]
pub struct Shed {
    /// Why.
    pub reason: Reason,
}

impl Shed {
    /// What the client is told: 503.
    pub const fn status(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    /// Whether another endpoint may be asked at once. What was shed by level is shed there, too, if the
    /// load is spread evenly.
    pub const fn may_repeat(&self) -> bool {
        !matches!(self.reason, Reason::Level { .. })
    }

    /// When another call makes sense: that is not known.
    pub const fn retry_after(&self) -> Option<Duration> {
        None
    }
}
