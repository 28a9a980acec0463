//! What can be wrong with a policy and with the size of a table.

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// A value is outside of its range, or contradicts another one.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
    /// No Maglev table has this size.
    #[error(transparent)]
    Size(#[from] InvalidSize),
}

/// A size that a Maglev table cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// With another size than a prime some nodes never get to some slots.
    #[error("a table of {0} slots is impossible (not a prime)")]
    NotPrime(u32),
    /// Above 5,000,011.
    #[error("a table of {0} slots is too large (at most 5000011)")]
    TooLarge(u32),
    /// Less than 100 slots per node.
    #[error("a table of {size} slots is too small for {nodes} nodes (at least 100 each)")]
    TooSmall {
        /// The size.
        size: u32,
        /// How many nodes there are.
        nodes: usize,
    },
}
