//! What can be wrong with a policy, and what a cluster does not take over.

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// A value is outside of its range.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
    /// A zone-aware caller stands in a zone that has no callers.
    #[error("the own zone is not among the zones of the callers")]
    OwnZoneUnknown,
    /// The secret of an affinity is guessable.
    #[error("a secret of {bytes} bytes is too short (it takes 16 or more)")]
    ShortSecret {
        /// How long it is.
        bytes: usize,
    },
    /// A cookie's name or path has characters that end it.
    #[error("`{0}` has characters that no cookie may have")]
    NoCookie(&'static str),
}

/// Discovery delivered an empty set. It was not taken over: the last set that had endpoints stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an empty set is ignored, {kept} endpoints stay (clear the cluster if it is meant)")]
pub struct EmptySet {
    /// How many endpoints stay.
    pub kept: usize,
}
