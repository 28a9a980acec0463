//! The generic cell rate algorithm (ITU-T I.371), in whole nanoseconds.
//!
//! T is the time of one cell, τ = T·(burst − 1). Of n cells: accepted iff `now ≥ TAT + T·(n − 1) − τ`,
//! then `TAT = max(TAT, now) + T·n`; a refusal changes nothing. A fresh TAT is the first call's instant.

use std::time::Duration;

use super::Law;
use crate::limit::{InvalidQuota, Quota, Refused, Standing};

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
}

impl Law for Gcra {
    type State = u64;

    fn check(&self, tat: Option<&u64>, now: u64, cells: u32) -> Result<u64, Refused> {
        if cells > self.burst {
            return Err(Refused::InsufficientCapacity { burst: self.burst });
        }
        let tat = tat.copied().unwrap_or(now);
        // T·(n − 1) − τ = −T·(burst − n), so that nothing is ever below zero.
        let tolerance = self.cell * u64::from(self.burst - cells);
        let earliest = tat.saturating_sub(tolerance);
        if now < earliest {
            return Err(Refused::until(earliest, now));
        }
        let spent = self.cell * u64::from(cells);
        Ok(tat.max(now).saturating_add(spent))
    }

    fn rest(&self, tat: &u64) -> u64 {
        *tat
    }

    fn standing(&self, tat: Option<&u64>, now: u64) -> Standing {
        let owed = tat.map_or(0, |tat| tat.saturating_sub(now));
        let spent = u32::try_from(owed.div_ceil(self.cell)).unwrap_or(u32::MAX);
        Standing {
            limit: self.burst,
            remaining: self.burst.saturating_sub(spent),
            reset: Duration::from_nanos(owed),
        }
    }
}
