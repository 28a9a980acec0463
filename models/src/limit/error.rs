//! Why a limiter refuses, and what can be wrong with a quota.

use std::time::Duration;

/// A call that was not admitted; nothing was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too early.
    #[error("over the limit (again in {retry_after:?})")]
    NotYet {
        /// How long until it would be admitted: at exactly that instant it is.
        retry_after: Duration,
    },
    /// More cells than the burst holds: waiting does not help.
    #[error("asked for more than the limit ever admits at once ({burst})")]
    InsufficientCapacity {
        /// The most that is admitted at once.
        burst: u32,
    },
}

impl Refused {
    /// How long to wait, if waiting helps.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotYet { retry_after } => Some(*retry_after),
            Self::InsufficientCapacity { .. } => None,
        }
    }
}

/// What a call through a limiter ends with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// The limiter did not admit it; the service was not called.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The service's own error.
    #[error("the call failed")]
    Inner(#[source] E),
}

/// A quota that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuota {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// More than one cell per nanosecond, or a burst that lasts longer than ten years.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
}
