//! How eagerly calls are dropped.

use std::time::Duration;

use crate::breaker::InvalidPolicy;
use crate::breaker::policy::time;

const MOST_BUCKETS: u32 = 10_000;

/// The settings of client-side throttling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// So many calls are sent for each accepted one; from 1 to 1000. Smaller drops more.
    pub k: f64,
    /// What `k` falls to as more and more of the newest buckets saw failures only; from 1 to `k`, which
    /// is no fall.
    pub floor: f64,
    /// So many calls are never a reason to drop.
    pub spare: u64,
    /// Over what calls are counted.
    pub window: Duration,
    /// In so many steps the window moves on; from 1 to 10,000.
    pub buckets: u32,
    /// If the last call that passed an active throttle is longer ago than this, the next passes; none:
    /// chance alone decides.
    pub forced: Option<Duration>,
    /// Whether fewer are dropped as more and more of the newest buckets saw successes only.
    pub eases: bool,
}

impl Policy {
    /// The book: K = 2 over two minutes. It does not say in what steps; these are seconds.
    pub const fn sre() -> Self {
        Self {
            k: 2.0,
            floor: 2.0,
            spare: 0,
            window: Duration::from_secs(120),
            buckets: 120,
            forced: None,
            eases: false,
        }
    }

    /// go-zero's `googlebreaker`: K from 1.5 down to 1.1 over ten seconds in 40 buckets, five calls
    /// spared, one call per second forced, and eased by good buckets.
    pub const fn go_zero() -> Self {
        Self {
            k: 1.5,
            floor: 1.1,
            spare: 5,
            window: Duration::from_secs(10),
            buckets: 40,
            forced: Some(Duration::from_secs(1)),
            eases: true,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if !(1.0..=1000.0).contains(&self.k) {
            return Err(InvalidPolicy::OutOfRange("k"));
        }
        if !(1.0..=self.k).contains(&self.floor) {
            return Err(InvalidPolicy::OutOfRange("floor"));
        }
        time("window", self.window)?;
        if let Some(forced) = self.forced {
            time("forced", forced)?;
        }
        if self.buckets == 0 {
            return Err(InvalidPolicy::Zero("buckets"));
        }
        if self.buckets > MOST_BUCKETS {
            return Err(InvalidPolicy::TooManyBuckets);
        }
        if self.width() == 0 {
            return Err(InvalidPolicy::OutOfRange("window"));
        }
        Ok(())
    }

    /// Nanoseconds of a bucket.
    pub(super) const fn width(&self) -> u128 {
        self.window.as_nanos() / self.buckets as u128
    }
}
