//! The warm-up of Sentinel: a cold system gets a third of the rate, and more the longer it is used.
//!
//! A key stores tokens while it is idle and loses one with each call. Above the warning line the rate is
//! 1 ÷ (above·slope + 1 ÷ rate), at most `rate`, at the cold end rate ÷ 3. With whole numbers:
//! passed + n ≤ rate·span ÷ (span + (cold − 1)·above), span being the most that is stored above the line.
//! Tokens are settled once a second: `rate` new ones while the store is below the line or fewer than
//! rate ÷ 3 passed, less those that passed. Calls are counted in whole seconds since the limiter began
//! (Sentinel slides by half seconds); idle seconds count one by one, and a store exactly on the line
//! fills when idle (in Sentinel it stays).

use std::time::Duration;

use super::Law;
use crate::limit::policy::whole_period;
use crate::limit::{InvalidQuota, Refused, Standing};

const SECOND: u64 = 1_000_000_000;

/// The law of a rate that is reached by and by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp {
    rate: u32,
    cold: u32,
    warning: u64,
    most: u64,
}

/// How warm a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heat {
    second: u64,
    passed: u32,
    stored: u64,
}

impl WarmUp {
    /// Sentinel's default.
    pub const COLD_FACTOR: u32 = 3;

    /// `rate` cells a second after about `period` of use, a third of them at first.
    ///
    /// # Errors
    ///
    /// A rate below the cold factor (a cold key would never get anything, and never be warm), or a period
    /// that holds no token or is above ten years.
    pub fn new(rate: u32, period: Duration) -> Result<Self, InvalidQuota> {
        Self::with_cold_factor(rate, period, Self::COLD_FACTOR)
    }

    /// The same with another factor between the cold and the warm rate.
    ///
    /// # Errors
    ///
    /// As above, or a factor below 2.
    pub fn with_cold_factor(rate: u32, period: Duration, cold: u32) -> Result<Self, InvalidQuota> {
        if cold < 2 {
            return Err(InvalidQuota::OutOfRange("cold_factor"));
        }
        if rate < cold {
            return Err(InvalidQuota::OutOfRange("rate"));
        }
        let period = whole_period("period", period)?;
        let tokens = |parts: u32, of: u32| {
            let whole = u128::from(period) * u128::from(rate) * u128::from(parts);
            u64::try_from(whole / (u128::from(of) * u128::from(SECOND)))
                .map_err(|_| InvalidQuota::OutOfRange("period"))
        };
        let warning = tokens(1, cold - 1)?;
        let span = tokens(2, cold.saturating_add(1))?;
        if span == 0 {
            return Err(InvalidQuota::OutOfRange("period"));
        }
        Ok(Self {
            rate,
            cold,
            warning,
            most: warning.saturating_add(span),
        })
    }

    /// How many may pass in a second that begins with so many tokens.
    fn allowed(&self, stored: u64) -> u32 {
        let span = u128::from(self.most - self.warning);
        let above = u128::from(stored.saturating_sub(self.warning));
        let rate = u128::from(self.rate) * span / (span + u128::from(self.cold - 1) * above);
        rate as u32
    }

    /// The store after a second in which so many passed.
    fn settled(&self, stored: u64, passed: u32) -> u64 {
        let fills = stored < self.warning || passed < self.rate / self.cold;
        let filled = if fills {
            self.cooled(stored, 1)
        } else {
            stored
        };
        filled.saturating_sub(passed.into())
    }

    /// The store after so many idle seconds.
    fn cooled(&self, stored: u64, seconds: u64) -> u64 {
        let more = seconds.saturating_mul(self.rate.into());
        stored.saturating_add(more).min(self.most)
    }

    fn at(&self, heat: Option<&Heat>, second: u64) -> Heat {
        let Some(heat) = heat else {
            return Heat {
                second,
                passed: 0,
                stored: self.most,
            };
        };
        let Some(idle) = second.saturating_sub(heat.second).checked_sub(1) else {
            return *heat;
        };
        Heat {
            second,
            passed: 0,
            stored: self.cooled(self.settled(heat.stored, heat.passed), idle),
        }
    }

    /// What a call that does not fit into this second is told. Idle seconds only cool, so what does not
    /// fit into the next one never does by waiting.
    fn refuse(&self, heat: &Heat, now: u64, cells: u32) -> Refused {
        let next = self.at(Some(heat), heat.second.saturating_add(1));
        if cells <= self.allowed(next.stored) {
            return Refused::until(next.second.saturating_mul(SECOND), now);
        }
        Refused::InsufficientCapacity {
            burst: self.allowed(self.most),
        }
    }
}

impl Law for WarmUp {
    type State = Heat;

    fn check(&self, heat: Option<&Heat>, now: u64, cells: u32) -> Result<Heat, Refused> {
        if cells > self.rate {
            return Err(Refused::InsufficientCapacity { burst: self.rate });
        }
        let mut heat = self.at(heat, now / SECOND);
        // In one second no more than the rate passes, so this stays in its range.
        match heat.passed + cells {
            passed if passed <= self.allowed(heat.stored) => heat.passed = passed,
            _ => return Err(self.refuse(&heat, now, cells)),
        }
        Ok(heat)
    }

    fn rest(&self, heat: &Heat) -> u64 {
        let missing = self.most - self.settled(heat.stored, heat.passed);
        let seconds = missing.div_ceil(self.rate.into()) + 1;
        heat.second.saturating_add(seconds).saturating_mul(SECOND)
    }

    /// The limit is that of the current second, and the reset is its end: how much the next one allows
    /// depends on what else happens in this one.
    fn standing(&self, heat: Option<&Heat>, now: u64) -> Standing {
        let heat = self.at(heat, now / SECOND);
        let limit = self.allowed(heat.stored);
        let rest = if heat.passed == 0 {
            0
        } else {
            SECOND - now % SECOND
        };
        Standing {
            limit,
            remaining: limit - heat.passed,
            reset: Duration::from_nanos(rest),
        }
    }
}
