//! What a call with a deadline ends with.

/// The deadline passed first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("deadline passed")]
pub struct DeadlinePassed;

/// What a call through a timeout ends with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// It was cut off; whether it had an effect is unknown.
    #[error(transparent)]
    Passed(#[from] DeadlinePassed),
    /// The service's own error.
    #[error("the call failed")]
    Inner(#[source] E),
}

/// Limits that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// A limit that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// One attempt may take as long as the whole call.
    #[error("`per-try` must be below `total` (no slow attempt is followed by another)")]
    NoTimeForAnother,
}
