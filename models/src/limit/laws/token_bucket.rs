//! The token bucket that is filled at the ticks of a clock, by whole fills only: Envoy's local rate limit
//! and the Redis script of Spring Cloud Gateway.
//!
//! Ticks are multiples of the fill interval since the limiter began. Tokens are whole numbers, so nothing
//! drifts. A bucket that is never seen is full.

use std::time::Duration;

use super::Law;
use crate::chance::nanos;
use crate::limit::policy::whole_period;
use crate::limit::{InvalidQuota, Refused, Standing};

const ENVOY_SHORTEST: Duration = Duration::from_millis(50);

/// The law of one bucket. Shared by all calls in a [`Limiter`](crate::limit::Limiter); for one bucket per
/// connection each connection has a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    most: u32,
    per_fill: u32,
    interval: u64,
    /// Tokens for one cell.
    price: u32,
}

/// What a bucket holds, and the tick at which it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    left: u32,
    tick: u64,
}

impl TokenBucket {
    /// Envoy's `max_tokens`, `tokens_per_fill` and `fill_interval`.
    ///
    /// # Errors
    ///
    /// A value of zero, or an interval below 50 ms or above ten years.
    pub fn envoy(
        max_tokens: u32,
        tokens_per_fill: u32,
        fill_interval: Duration,
    ) -> Result<Self, InvalidQuota> {
        for (name, value) in [
            ("max_tokens", max_tokens),
            ("tokens_per_fill", tokens_per_fill),
        ] {
            if value == 0 {
                return Err(InvalidQuota::Zero(name));
            }
        }
        if fill_interval < ENVOY_SHORTEST {
            return Err(InvalidQuota::OutOfRange("fill_interval"));
        }
        Ok(Self {
            most: max_tokens,
            per_fill: tokens_per_fill,
            interval: whole_period("fill_interval", fill_interval)?,
            price: 1,
        })
    }

    /// Spring's `replenishRate` (a second), `burstCapacity` and `requestedTokens`. A capacity of zero
    /// blocks all calls.
    ///
    /// # Errors
    ///
    /// A rate or a price of zero; a capacity that is not zero, but holds less than one second's fill or
    /// than the price of one call.
    pub fn spring(
        replenish_rate: u32,
        burst_capacity: u32,
        requested_tokens: u32,
    ) -> Result<Self, InvalidQuota> {
        for (name, value) in [
            ("replenishRate", replenish_rate),
            ("requestedTokens", requested_tokens),
        ] {
            if value == 0 {
                return Err(InvalidQuota::Zero(name));
            }
        }
        let least = replenish_rate.max(requested_tokens);
        if (1..least).contains(&burst_capacity) {
            return Err(InvalidQuota::OutOfRange("burstCapacity"));
        }
        Ok(Self {
            most: burst_capacity,
            per_fill: replenish_rate,
            interval: nanos(Duration::from_secs(1)),
            price: requested_tokens,
        })
    }

    /// What is there at `now`, after all fills up to now, that of this instant included.
    fn filled(&self, tokens: Option<&Tokens>, now: u64) -> Tokens {
        let tick = now / self.interval;
        let left = tokens.map_or(self.most, |tokens| {
            let fills = tick.saturating_sub(tokens.tick);
            let filled = fills.saturating_mul(self.per_fill.into());
            let left = filled.saturating_add(tokens.left.into());
            left.min(self.most.into()) as u32
        });
        Tokens { left, tick }
    }

    /// The instant at which `tokens` have become `wanted`, if they are fewer.
    fn holds(&self, tokens: &Tokens, wanted: u32) -> u64 {
        let missing = wanted.saturating_sub(tokens.left);
        let tick = tokens.tick + u64::from(missing.div_ceil(self.per_fill));
        tick.saturating_mul(self.interval)
    }
}

impl Law for TokenBucket {
    type State = Tokens;

    fn check(&self, tokens: Option<&Tokens>, now: u64, cells: u32) -> Result<Tokens, Refused> {
        let price = cells.checked_mul(self.price);
        let Some(price) = price.filter(|price| *price <= self.most) else {
            let burst = self.most / self.price;
            return Err(Refused::InsufficientCapacity { burst });
        };
        let Tokens { left, tick } = self.filled(tokens, now);
        match left.checked_sub(price) {
            Some(left) => Ok(Tokens { left, tick }),
            None => Err(Refused::until(
                self.holds(&Tokens { left, tick }, price),
                now,
            )),
        }
    }

    fn rest(&self, tokens: &Tokens) -> u64 {
        self.holds(tokens, self.most)
    }

    fn standing(&self, tokens: Option<&Tokens>, now: u64) -> Standing {
        let tokens = self.filled(tokens, now);
        let limit = self.most / self.price;
        let whole = self.holds(&tokens, limit * self.price);
        Standing {
            limit,
            remaining: tokens.left / self.price,
            reset: Duration::from_nanos(whole.saturating_sub(now)),
        }
    }
}
