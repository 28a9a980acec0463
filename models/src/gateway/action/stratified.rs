//! Shares that are exact: every stretch of draws is spread over the whole range.

use std::sync::atomic::{AtomicU64, Ordering};

/// 2⁶⁴ divided by the golden ratio: of all steps the one whose multiples leave the smallest gaps.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The additive sequence of the golden ratio (Weyl; Knuth, volume 3, section 6.4). After n draws the part
/// that fell into any interval differs from its length by about log(n)/n, where independent draws would
/// be off by 1/√n; and every second or third draw alone is spread as well.
#[derive(Debug)]
pub(in crate::gateway) struct Stratified(AtomicU64);

impl Stratified {
    /// A sequence that begins at `seed`.
    pub(in crate::gateway) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next draw, a fraction of 2⁶⁴.
    pub(in crate::gateway) fn draw(&self) -> u64 {
        self.0.fetch_add(STEP, Ordering::Relaxed)
    }
}

/// The whole number below `bound` that a draw stands for.
pub(in crate::gateway) const fn below(draw: u64, bound: u64) -> u64 {
    ((draw as u128 * bound as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_to_a_tenth_of_a_point_after_ten_thousand_draws() {
        for seed in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            for share in [1, 10, 333, 500, 999] {
                let draws = Stratified::new(seed);
                let hits = (0..10_000).filter(|_| below(draws.draw(), 1000) < share);
                let got = hits.count() as f64 / 10_000.0;
                let off = (got - share as f64 / 1000.0).abs();
                assert!(off <= 0.001, "share {share} of 1000: off by {off}");
            }
        }
    }

    #[test]
    fn every_second_draw_alone_has_its_share_as_well() {
        for stride in 2..8 {
            let draws = Stratified::new(7);
            let all: Vec<_> = (0..80_000).map(|_| draws.draw()).collect();
            let picked = all.iter().step_by(stride);
            let count = picked.len() as f64;
            let hits = picked.filter(|draw| below(**draw, 100) < 10).count() as f64;
            assert!((hits / count - 0.1).abs() <= 0.001, "stride {stride}");
        }
    }
}
