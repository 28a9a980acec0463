//! Why a breaker does not admit a call, and what can be wrong with its policy.

use std::time::Duration;

/// A call was not admitted. Not a failure of the endpoint: outer layers neither count nor repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The breaker is open.
    #[error("the breaker is open (next trial in {remaining:?})")]
    Open {
        /// How long until it lets a trial through, if nothing else happens; it still refuses at exactly
        /// that instant.
        remaining: Duration,
    },
    /// All trials of a half-open breaker are under way.
    #[error("the breaker is half-open and all its trials are under way")]
    TooManyTrials,
    /// Somebody holds the breaker open by hand.
    #[error("the breaker is held open by hand")]
    ForcedOpen,
}

impl Rejected {
    /// When another call makes sense, if that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open { remaining } => Some(*remaining),
            Self::TooManyTrials | Self::ForcedOpen => None,
        }
    }
}

/// What a call through a breaker ends with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// The breaker did not admit it; the service was not called.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The service's own error.
    #[error("the call failed")]
    Inner(#[source] E),
}

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// A ratio or factor is NaN, infinite or outside of its range.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
    /// A time is longer than ten years.
    #[error("`{0}` is longer than ten years")]
    TooLong(&'static str),
    /// A rolling window has more than 10,000 buckets.
    #[error("a rolling window has at most 10000 buckets")]
    TooManyBuckets,
    /// A value that together with the others can never have an effect, or has none at all.
    #[error("`{0}` contradicts the other values")]
    Contradiction(&'static str),
}
