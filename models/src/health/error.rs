//! What can be wrong with the policy of a check or a detector.

use std::time::Duration;

/// Longer times are mistakes, and far below what overflows an instant.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// A value that must be above zero is zero.
    #[error("`{0}` must be above zero")]
    Zero(&'static str),
    /// A number is NaN, infinite or outside of its range, or a text is malformed.
    #[error("`{0}` is outside of its range")]
    OutOfRange(&'static str),
    /// A time is longer than ten years.
    #[error("`{0}` is longer than ten years")]
    TooLong(&'static str),
    /// Two values contradict each other: the first must not be longer than the second.
    #[error("`{0}` is longer than `{1}`")]
    Exceeds(&'static str, &'static str),
}

/// A time that must last.
pub(super) const fn lasting(name: &'static str, value: Duration) -> Result<(), InvalidPolicy> {
    if value.is_zero() {
        return Err(InvalidPolicy::Zero(name));
    }
    bounded(name, value)
}

/// A time that may be zero.
pub(super) const fn bounded(name: &'static str, value: Duration) -> Result<(), InvalidPolicy> {
    if value.as_nanos() > LONGEST.as_nanos() {
        return Err(InvalidPolicy::TooLong(name));
    }
    Ok(())
}

/// A number that must be above zero.
pub(super) const fn positive(name: &'static str, value: u64) -> Result<(), InvalidPolicy> {
    if value == 0 {
        return Err(InvalidPolicy::Zero(name));
    }
    Ok(())
}

/// A percentage, from 0 to 100.
pub(super) const fn percent(name: &'static str, value: u32) -> Result<(), InvalidPolicy> {
    if value > 100 {
        return Err(InvalidPolicy::OutOfRange(name));
    }
    Ok(())
}
