//! Why there is no further attempt, and what can be wrong with a policy.

/// Why a call is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
}

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// A value is NaN, infinite or outside of its range.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
}
