//! A quota: so many cells per period, so many at once.

use std::time::Duration;

use super::InvalidQuota;
use crate::chance::nanos;

const LONGEST: u64 = 10 * 365 * 24 * 60 * 60 * 1_000_000_000;

/// A sustained rate and a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Cells admitted per period, sustained.
    pub cells: u32,
    /// The period.
    pub period: Duration,
    /// Cells admitted at once after a pause.
    pub burst: u32,
}

impl Quota {
    /// `cells` a second, and as many at once.
    pub const fn per_second(cells: u32) -> Self {
        Self {
            cells,
            period: Duration::from_secs(1),
            burst: cells,
        }
    }

    /// The time of one cell in nanoseconds, checked.
    ///
    /// # Errors
    ///
    /// The quota cannot be meant.
    pub(super) fn cell_time(&self) -> Result<u64, InvalidQuota> {
        for (name, value) in [("cells", self.cells), ("burst", self.burst)] {
            if value == 0 {
                return Err(InvalidQuota::Zero(name));
            }
        }
        if self.period.is_zero() {
            return Err(InvalidQuota::Zero("period"));
        }
        let time = nanos(self.period) / u64::from(self.cells);
        if time == 0 {
            return Err(InvalidQuota::OutOfRange("cells"));
        }
        match time.checked_mul(u64::from(self.burst)) {
            Some(all) if all <= LONGEST => Ok(time),
            _ => Err(InvalidQuota::OutOfRange("burst")),
        }
    }
}

/// A period in nanoseconds, checked.
///
/// # Errors
///
/// Zero, or longer than ten years.
pub(super) fn whole_period(name: &'static str, period: Duration) -> Result<u64, InvalidQuota> {
    match nanos(period) {
        0 => Err(InvalidQuota::Zero(name)),
        nanos if nanos > LONGEST => Err(InvalidQuota::OutOfRange(name)),
        nanos => Ok(nanos),
    }
}
