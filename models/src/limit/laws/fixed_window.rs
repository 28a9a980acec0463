//! The fixed window counter: simple, and inferior.
//!
//! It lets twice the limit through around an edge, and all who wait come back at the edge together. It is
//! here for limits that are written as "so many per calendar hour", and to show the difference. The end
//! of a window is a matter of the clock alone: no call moves it (a store whose every write renews the
//! entry's expiry never resets under load).

use std::time::Duration;

use super::Law;
use crate::limit::policy::whole_period;
use crate::limit::{InvalidQuota, Refused, Standing};

/// The law of so many cells in each window; windows are multiples of the period since the limiter began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedWindow {
    limit: u32,
    period: u64,
}

/// What a key spent in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    window: u64,
    spent: u32,
}

impl FixedWindow {
    /// At most `limit` in each window of `period`.
    ///
    /// # Errors
    ///
    /// A value of zero, or a period above ten years.
    pub fn new(limit: u32, period: Duration) -> Result<Self, InvalidQuota> {
        if limit == 0 {
            return Err(InvalidQuota::Zero("limit"));
        }
        let period = whole_period("period", period)?;
        Ok(Self { limit, period })
    }

    fn at(&self, count: Option<&Count>, now: u64) -> Count {
        let window = now / self.period;
        let spent = count.filter(|count| count.window == window);
        let spent = spent.map_or(0, |count| count.spent);
        Count { window, spent }
    }

    const fn end(&self, count: &Count) -> u64 {
        count.window.saturating_add(1).saturating_mul(self.period)
    }
}

impl Law for FixedWindow {
    type State = Count;

    fn check(&self, count: Option<&Count>, now: u64, cells: u32) -> Result<Count, Refused> {
        if cells > self.limit {
            return Err(Refused::InsufficientCapacity { burst: self.limit });
        }
        let Count { window, spent } = self.at(count, now);
        match spent
            .checked_add(cells)
            .filter(|spent| *spent <= self.limit)
        {
            Some(spent) => Ok(Count { window, spent }),
            None => Err(Refused::until(self.end(&Count { window, spent }), now)),
        }
    }

    fn rest(&self, count: &Count) -> u64 {
        self.end(count)
    }

    fn standing(&self, count: Option<&Count>, now: u64) -> Standing {
        let count = self.at(count, now);
        let reset = if count.spent == 0 {
            0
        } else {
            self.end(&count) - now
        };
        Standing {
            limit: self.limit,
            remaining: self.limit - count.spent,
            reset: Duration::from_nanos(reset),
        }
    }
}
