//! Why no endpoint was picked, and what can be wrong with a policy.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// No endpoint could be picked; there is never a default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// The set is empty.
    #[error("there is no endpoint")]
    Empty,
    /// There are endpoints, and none of them comes into question.
    #[error("none of {endpoints} endpoints is eligible")]
    NoneEligible {
        /// How many there are.
        endpoints: usize,
    },
    /// There are eligible endpoints, and none of them admits the call.
    #[error("none of {asked} endpoints admits the call")]
    NoneAdmits {
        /// How many were asked.
        asked: usize,
    },
}

impl NoEndpoint {
    /// After `asked` of `endpoints` refused and no other was eligible.
    pub(super) const fn after(endpoints: usize, asked: usize) -> Self {
        match (endpoints, asked) {
            (0, _) => Self::Empty,
            (endpoints, 0) => Self::NoneEligible { endpoints },
            (_, asked) => Self::NoneAdmits { asked },
        }
    }
}

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// A number is NaN, infinite or outside of its range.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
    /// A time is longer than ten years.
    #[error("`{0}` is longer than ten years")]
    TooLong(&'static str),
    /// A policy of consistent hashing.
    #[error(transparent)]
    Hashed(#[from] super::hashed::InvalidPolicy),
}

impl InvalidPolicy {
    /// Refuses a time that is zero or longer than ten years.
    pub(super) const fn check_time(name: &'static str, time: Duration) -> Result<(), Self> {
        if time.is_zero() {
            return Err(Self::Zero(name));
        }
        if time.as_secs() >= LONGEST.as_secs() {
            return Err(Self::TooLong(name));
        }
        Ok(())
    }
}
