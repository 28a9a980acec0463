//! Uniform draws from an injected generator: unbiased, integer, the same on every machine.

use std::time::Duration;

use rand_core::Rng;

/// A number below `bound`, every one equally likely; zero if `bound` is zero.
pub(crate) fn below(rng: &mut (impl Rng + ?Sized), bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    // Multiply and shift; what would make some numbers likelier is drawn again.
    let unfair = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        if product as u64 >= unfair {
            return (product >> 64) as u64;
        }
    }
}

/// A duration from `low` up to and including `high`, in whole nanoseconds; `low` if `high` is not above.
pub(crate) fn between(rng: &mut (impl Rng + ?Sized), low: Duration, high: Duration) -> Duration {
    let width = nanos(high.saturating_sub(low));
    low + Duration::from_nanos(below(rng, width.saturating_add(1)))
}

/// Nanoseconds, at most what 64 bits hold (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
