//! The numbers that decide where one call goes: by chance, or by its key so that calls of one key stay
//! together.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use rand_core::Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::chance;

/// A generator that many calls draw from.
pub(super) type SharedRng = Mutex<Box<dyn Rng + Send>>;

/// The draws of one call.
pub(super) struct Lots<'a> {
    key: Option<u64>,
    drawn: Cell<u64>,
    rng: &'a SharedRng,
}

impl<'a> Lots<'a> {
    pub(super) const fn new(key: Option<u64>, rng: &'a SharedRng) -> Self {
        Self {
            key,
            drawn: Cell::new(0),
            rng,
        }
    }

    /// A number below `bound`; zero if `bound` is zero. A key gives the same numbers again, each draw of
    /// a call another one, so that the zone does not hang on the priority.
    pub(super) fn below(&self, bound: u64) -> u64 {
        let Some(key) = self.key else {
            let rng = self.rng.lock();
            return chance::below(&mut **rng.unwrap_or_else(PoisonError::into_inner), bound);
        };
        let draw = self.drawn.replace(self.drawn.get() + 1);
        let hash = xxh3_64_with_seed(&key.to_le_bytes(), draw);
        ((u128::from(hash) * u128::from(bound)) >> 64) as u64
    }

    /// A position, each as likely as its weight says; none if all weigh nothing.
    pub(super) fn weighted(&self, weights: &[u64]) -> Option<usize> {
        let total = weights
            .iter()
            .fold(0u64, |sum, weight| sum.saturating_add(*weight));
        if weights.iter().filter(|weight| **weight > 0).count() < 2 {
            return weights.iter().position(|weight| *weight > 0);
        }
        let mut at = self.below(total);
        weights.iter().position(|weight| {
            let is_here = at < *weight;
            at = at.saturating_sub(*weight);
            is_here
        })
    }
}
