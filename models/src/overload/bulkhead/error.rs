//! Why a bulkhead turns a call away.

use std::time::Duration;

use http::StatusCode;

/// A call was not admitted. Not a failure of the dependency: outer layers neither count nor blindly
/// repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// All slots and all places in the queue are taken.
    #[error("the bulkhead is full ({pending} calls wait)")]
    Full {
        /// How many wait.
        pending: usize,
    },
    /// It waited as long as a call may.
    #[error("no slot of the bulkhead was free within {waited:?}")]
    TimedOut {
        /// How long it waited.
        waited: Duration,
    },
    /// Nobody waits for it any more.
    #[error("the deadline passed before a slot of the bulkhead was free (after {waited:?})")]
    DeadlinePassed {
        /// How long it waited.
        waited: Duration,
    },
    /// The queue does not drain, and the call had waited too long for its answer to be of use.
    #[error("the bulkhead's queue is overloaded (after {waited:?})")]
    Overloaded {
        /// How long it waited.
        waited: Duration,
    },
}

impl Refused {
    /// What the client is told: 503, or 504 if its own time ran out.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::DeadlinePassed { .. } => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether another endpoint may be asked: the dependency has seen nothing of the call.
    pub const fn may_repeat(&self) -> bool {
        !matches!(self, Self::DeadlinePassed { .. })
    }

    /// When another call makes sense: that is not known.
    pub const fn retry_after(&self) -> Option<Duration> {
        None
    }
}
