//! What a guarded call ends with, and what can be wrong with a policy.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// What a call through a guard ends with; `R` is why that guard refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<R, E> {
    /// The guard did not admit it; the service was not called.
    #[error(transparent)]
    Refused(R),
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
    /// A number is NaN, infinite or outside of its range.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
    /// A time is longer than ten years.
    #[error("`{0}` is longer than ten years")]
    TooLong(&'static str),
    /// A value makes no sense beside the others.
    #[error("`{0}` contradicts the rest of the policy")]
    Contradiction(&'static str),
}

/// A time above zero, and no longer than anybody means.
pub(super) fn time(name: &'static str, value: Duration) -> Result<(), InvalidPolicy> {
    if value.is_zero() {
        return Err(InvalidPolicy::Zero(name));
    }
    if value > LONGEST {
        return Err(InvalidPolicy::TooLong(name));
    }
    Ok(())
}

/// A count from one up to `most`.
pub(super) fn count(name: &'static str, value: usize, most: usize) -> Result<(), InvalidPolicy> {
    match value {
        0 => Err(InvalidPolicy::Zero(name)),
        _ if value > most => Err(InvalidPolicy::OutOfRange(name)),
        _ => Ok(()),
    }
}

/// A number from `low` up to `high`, both included; NaN is neither.
pub(super) fn number(
    name: &'static str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), InvalidPolicy> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(InvalidPolicy::OutOfRange(name))
    }
}
