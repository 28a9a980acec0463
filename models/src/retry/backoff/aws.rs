//! The laws of the AWS architecture blog ("Exponential Backoff And Jitter").
//!
//! v(n) = min(cap, base·2ⁿ), n from 1. The cap comes before the jitter, and no pause exceeds it.

use std::time::Duration;

use rand_core::Rng;

use super::{Law, Pauses, doubled};
use crate::chance::between;

/// How chance spreads a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// Not at all: v.
    None,
    /// U(0, v).
    #[default]
    Full,
    /// v/2 + U(0, v/2).
    Equal,
    /// min(cap, U(base, 3·s)) with the last pause s, which starts at base.
    Decorrelated,
}

/// The bounds of the pauses and how they are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Half of the first bound.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// How chance spreads it.
    pub jitter: Jitter,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(25),
            cap: Duration::from_secs(20),
            jitter: Jitter::Full,
        }
    }
}

impl Backoff {
    /// The bound v(n).
    pub fn bound(&self, n: u32) -> Duration {
        doubled(self.base, n, self.cap)
    }

    /// The pauses of one call.
    pub const fn pauses(self) -> Pauses {
        Law::Aws(self).pauses()
    }

    /// The n-th pause, where `last` is the one before it.
    pub(super) fn pause(&self, n: u32, last: Duration, rng: &mut (impl Rng + ?Sized)) -> Duration {
        let bound = self.bound(n);
        match self.jitter {
            Jitter::None => bound,
            Jitter::Full => between(rng, Duration::ZERO, bound),
            Jitter::Equal => between(rng, bound / 2, bound),
            Jitter::Decorrelated => between(rng, self.base, last.saturating_mul(3)).min(self.cap),
        }
    }
}
