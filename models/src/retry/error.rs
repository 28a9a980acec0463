//! Why there is no further attempt, and what can be wrong with a policy.

use crate::timeout::InvalidLimits;

/// Why a call is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GiveUp {
    /// All attempts were made.
    #[error("all attempts were made")]
    Attempts,
    /// The pause would not end before the deadline.
    #[error("no time is left for another attempt")]
    Deadline,
    /// The budget is spent.
    #[error("the budget for retries is spent")]
    Budget,
    /// The server asked not to come again.
    #[error("the server wants no retry")]
    Unwanted,
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
    /// The time limits cannot be meant.
    #[error(transparent)]
    Limits(#[from] InvalidLimits),
}
