//! Decorrelated jitter, second formula (Polly.Contrib.WaitAndRetry, later Polly's exponential jitter).
//!
//! t(i) = i + U(0, 1), i from 0; x(t) = 2ᵗ·tanh(√(4t)); the pause is (x(t(i)) − x(t(i−1)))·median/1.4,
//! where x before the first is 0. The median of the first pause is near `median`, and the spread of the
//! pauses has no gaps between one attempt and the next.

use std::time::Duration;

use rand_core::Rng;

use crate::chance::between;

/// From here on every pause is above any cap that is allowed.
const LAST: u32 = 64;

/// What x(t) is divided by, so that the median of the first pause is as asked.
const SCALE: f64 = 1.4;

/// The pause of index `i`, and x(t(i)) for the next one. What would be longer than `cap` is drawn from the
/// upper half below it: Polly returns the cap itself, and all clients come in the same tick.
pub(super) fn pause(
    i: u32,
    last: f64,
    (median, cap): (Duration, Duration),
    rng: &mut (impl Rng + ?Sized),
) -> (Duration, f64) {
    let fraction = between(rng, Duration::ZERO, Duration::from_secs(1)).as_secs_f64();
    let x = x(f64::from(i.min(LAST)) + fraction);
    let nanos = (x - last) * (median.as_nanos() as f64 / SCALE);
    // From `LAST` on neighbours may be close to each other, but not the pauses they stand for.
    let pause = if i < LAST && nanos < cap.as_nanos() as f64 {
        Duration::from_nanos(nanos as u64)
    } else {
        between(rng, cap / 2, cap)
    };
    (pause, x)
}

fn x(t: f64) -> f64 {
    libm::exp2(t) * libm::tanh((4.0 * t).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_is_two_to_the_t_once_the_hyperbolic_tangent_is_one() {
        assert_eq!(x(0.0), 0.0);
        assert!((x(1.0) - 1.928_055_160_151_634).abs() < 1e-12, "{}", x(1.0));
        assert!((x(10.0) - 1024.0).abs() < 0.01);
    }
}
