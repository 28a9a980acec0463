//! gRPC's throttling of retries (proposal A6).

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;

use super::{Budget, Grant};
use crate::retry::{InvalidPolicy, Kind};

/// Tokens are counted in thousandths: the ratio has three decimals.
const TOKEN: u32 = 1000;

/// Each failed attempt takes a token, each call that succeeds brings a fraction of one; there are retries
/// only while more than half of the tokens are there. Time alone brings nothing.
#[derive(Debug)]
pub struct GrpcTokens {
    /// In thousandths, like the rest.
    left: AtomicU32,
    most: u32,
    per_success: u32,
}

impl GrpcTokens {
    /// `most` tokens (1 to 1000), which are all there in the beginning, and `ratio` of one per success,
    /// cut to three decimals.
    ///
    /// # Errors
    ///
    /// A number of tokens outside of its range, or a ratio that is no number of at least 0.001 and at
    /// most 1000.
    pub fn new(most: u32, ratio: f64) -> Result<Self, InvalidPolicy> {
        if !(1..=1000).contains(&most) {
            return Err(InvalidPolicy::OutOfRange("max-tokens"));
        }
        if !(0.001..=1000.0).contains(&ratio) {
            return Err(InvalidPolicy::OutOfRange("token-ratio"));
        }
        // What a decimal misses by its binary form must not cost a thousandth.
        let per_success = (ratio * f64::from(TOKEN) + 1e-6) as u32;
        Ok(Self {
            left: AtomicU32::new(most * TOKEN),
            most: most * TOKEN,
            per_success,
        })
    }

    /// Thousandths of tokens that are there.
    pub fn thousandths(&self) -> u32 {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether there may be retries: strictly more than half of the tokens are there.
    pub fn allows(&self) -> bool {
        self.thousandths() > self.most / 2
    }

    fn change(&self, to: impl Fn(u32) -> u32) {
        let change = |left| Some(to(left));
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let _ = self.left.fetch_update(set, fetch, change);
    }
}

impl Budget for GrpcTokens {
    fn call(&self, _: Instant) -> Grant {
        Grant::free()
    }

    fn retry(&self, _: Kind, _: Instant) -> Option<Grant> {
        self.allows().then(Grant::free)
    }

    fn failed(&self, _: Instant) {
        self.change(|left| left.saturating_sub(TOKEN));
    }

    fn succeeded(&self, _: bool, _: Instant) {
        self.change(|left| left.saturating_add(self.per_success).min(self.most));
    }
}
