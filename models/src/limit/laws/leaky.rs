//! The leaky bucket of nginx (`limit_req`), in whole milliseconds and thousandths of a request.
//!
//! A new key stores an excess of 0 and passes. Else `excess' = max(0, excess − rate·Δms ÷ 1000 + 1000)`,
//! refused iff `excess' > burst·1000`; a refusal leaves excess and `last` untouched. `last` moves only if
//! Δms is not 0. Δms below −60 000 counts as 1 ms, a smaller step back as 0. What the division cuts off
//! is lost to the caller, so the key never gets more than the rate.
//!
//! nginx asks for one request at a time. Here n of them count as n calls at one instant.

use std::time::Duration;

use super::Law;
use crate::limit::{InvalidQuota, Refused, Standing};

const REQUEST: i64 = 1000;
const TICK: u64 = 1_000_000;
/// A clock that is so many milliseconds behind was set anew.
const SET_ANEW: i64 = -60_000;

/// The law of one rate and burst. Waiting is not part of it: [`Leaky::delay`] says how long nginx would
/// hold a call back that it admits without `nodelay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaky {
    /// Thousandths of a request per second.
    rate: u32,
    burst: u32,
}

/// How full a key's bucket was, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Thousandths of a request.
    excess: i64,
    /// Milliseconds.
    last: i64,
}

impl Leaky {
    /// A rate in thousandths of a request per second, and how many requests may be ahead of it.
    ///
    /// # Errors
    ///
    /// A rate of zero.
    pub const fn new(thousandths: u32, burst: u32) -> Result<Self, InvalidQuota> {
        if thousandths == 0 {
            return Err(InvalidQuota::Zero("rate"));
        }
        let rate = thousandths;
        Ok(Self { rate, burst })
    }

    /// nginx's `rate=<rate>r/s burst=<burst>`.
    ///
    /// # Errors
    ///
    /// A rate of zero, or more than 4.2 million.
    pub fn per_second(rate: u32, burst: u32) -> Result<Self, InvalidQuota> {
        let thousandths = rate.checked_mul(1000);
        Self::new(thousandths.ok_or(InvalidQuota::OutOfRange("rate"))?, burst)
    }

    /// nginx's `rate=<rate>r/m burst=<burst>`; the thousandths are cut off to whole ones, as there.
    ///
    /// # Errors
    ///
    /// A rate of zero.
    pub fn per_minute(rate: u32, burst: u32) -> Result<Self, InvalidQuota> {
        let thousandths = u64::from(rate) * 1000 / 60;
        let thousandths = u32::try_from(thousandths).map_err(|_| InvalidQuota::OutOfRange("rate"));
        Self::new(thousandths?, burst)
    }

    /// How long nginx without `nodelay` holds back a call that left its key with `level`.
    pub fn delay(&self, level: &Level) -> Duration {
        let excess = level.excess.max(0) as u64;
        Duration::from_millis(excess * 1000 / u64::from(self.rate))
    }

    const fn most(&self) -> i64 {
        self.burst as i64 * REQUEST
    }

    /// How many requests a fresh key may send at once.
    const fn at_once(&self) -> u32 {
        self.burst.saturating_add(1)
    }

    /// The excess at `now`, before a call; one request below zero for a key at rest. And the moved `last`.
    fn drained(&self, level: Option<&Level>, now: i64) -> Level {
        let Some(level) = level else {
            let excess = -REQUEST;
            return Level { excess, last: now };
        };
        let elapsed = match now - level.last {
            step if step < SET_ANEW => 1,
            step => step.max(0),
        };
        let drained = i64::from(self.rate).saturating_mul(elapsed) / 1000;
        let last = if elapsed == 0 { level.last } else { now };
        let excess = (level.excess - drained).max(-REQUEST);
        Level { excess, last }
    }

    /// The instant at which `level` has lost `excess` (above zero), in nanoseconds.
    fn lost(&self, level: &Level, excess: i64) -> u64 {
        let elapsed = (excess as u64 * 1000).div_ceil(u64::from(self.rate));
        (level.last as u64)
            .saturating_add(elapsed)
            .saturating_mul(TICK)
    }
}

impl Law for Leaky {
    type State = Level;

    fn check(&self, level: Option<&Level>, now: u64, cells: u32) -> Result<Level, Refused> {
        let burst = self.at_once();
        if cells > burst {
            return Err(Refused::InsufficientCapacity { burst });
        }
        if let (0, Some(level)) = (cells, level) {
            // Not even what the division cuts off.
            return Ok(*level);
        }
        let asked = i64::from(cells) * REQUEST;
        let mut after = self.drained(level, (now / TICK) as i64);
        after.excess += asked;
        match level {
            Some(level) if after.excess > self.most() => {
                let over = level.excess + asked - self.most();
                Err(Refused::until(self.lost(level, over), now))
            }
            _ => Ok(after),
        }
    }

    fn rest(&self, level: &Level) -> u64 {
        match level.excess + REQUEST {
            0 => level.last as u64 * TICK,
            excess => self.lost(level, excess),
        }
    }

    fn standing(&self, level: Option<&Level>, now: u64) -> Standing {
        let drained = self.drained(level, (now / TICK) as i64);
        let room = (self.most() - drained.excess) / REQUEST;
        let rest = level.map_or(now, |level| self.rest(level));
        Standing {
            limit: self.at_once(),
            remaining: u32::try_from(room).unwrap_or(u32::MAX),
            reset: Duration::from_nanos(rest.saturating_sub(now)),
        }
    }
}
