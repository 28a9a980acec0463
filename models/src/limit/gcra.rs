//! The generic cell rate algorithm, in whole nanoseconds.
//!
//! T is the time of one cell, τ = T·(burst − 1). Of n cells: accepted iff `now ≥ TAT + T·(n − 1) − τ`,
//! then `TAT = max(TAT, now) + T·n`; a refusal changes nothing. A fresh TAT is the first call's instant.

use std::time::Duration;

use super::{InvalidQuota, Quota, Refused};

/// The law of one quota. The state of a key is its theoretical arrival time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    cell: u64,
    burst: u32,
}

impl Gcra {
    /// The law of `quota`.
    ///
    /// # Errors
    ///
    /// The quota cannot be meant.
    pub fn new(quota: &Quota) -> Result<Self, InvalidQuota> {
        Ok(Self {
            cell: quota.cell_time()?,
            burst: quota.burst,
        })
    }

    /// Asks for `cells` at `now` (nanoseconds on any clock that does not step back); `tat` is the arrival
    /// time of a key seen before. The answer is its next one.
    ///
    /// # Errors
    ///
    /// Too early, or more cells than the burst.
    pub fn check(&self, tat: Option<u64>, now: u64, cells: u32) -> Result<u64, Refused> {
        if cells > self.burst {
            return Err(Refused::InsufficientCapacity { burst: self.burst });
        }
        let tat = tat.unwrap_or(now);
        // T·(n − 1) − τ = −T·(burst − n), so that nothing is ever below zero.
        let tolerance = self.cell * u64::from(self.burst - cells);
        let earliest = tat.saturating_sub(tolerance);
        if now < earliest {
            let retry_after = Duration::from_nanos(earliest - now);
            return Err(Refused::NotYet { retry_after });
        }
        let spent = self.cell * u64::from(cells);
        Ok(tat.max(now).saturating_add(spent))
    }
}
