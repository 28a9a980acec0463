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
    /// A limit shared with others cannot be asked, and its rule says that then nothing passes.
    #[error("the shared limit cannot be asked (again in {retry_after:?})")]
    Unavailable {
        /// When it will be asked again.
        retry_after: Duration,
    },
}

impl Refused {
    /// How long to wait, if waiting helps.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotYet { retry_after } | Self::Unavailable { retry_after } => Some(*retry_after),
            Self::InsufficientCapacity { .. } => None,
        }
    }

    /// Not before `instant`; both in nanoseconds.
    pub(super) const fn until(instant: u64, now: u64) -> Self {
        let retry_after = Duration::from_nanos(instant.saturating_sub(now));
        Self::NotYet { retry_after }
    }

    /// The one that waits longer; not to be cured by waiting is longest.
    pub(super) fn stricter(self, other: Self) -> Self {
        let wait = |refused: &Self| refused.retry_after().unwrap_or(Duration::MAX);
        if wait(&other) > wait(&self) {
            other
        } else {
            self
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
    /// More than one cell per nanosecond, a burst that lasts longer than ten years, or a value that
    /// contradicts another.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
}
