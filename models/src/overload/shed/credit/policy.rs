//! What a pool of credits aims at and how fast it moves.

use std::time::Duration;

use crate::overload::InvalidPolicy;
use crate::overload::error::{number, time};

/// The settings of a [`Pool`](super::Pool); the defaults are the paper's, for calls of 10 µs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolPolicy {
    /// The queueing delay that is aimed at. A request that queued for more than twice as long is dropped.
    pub target: Duration,
    /// How often the pool moves: a round trip.
    pub round_trip: Duration,
    /// Credits added per client and move: above 0, up to 1.
    pub increase: f64,
    /// How strongly the pool shrinks with the delay above the target: above 0, up to 1.
    pub decrease: f64,
    /// Clients at once.
    pub max_clients: usize,
    /// Credits at once.
    pub max_credits: u32,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self {
            target: Duration::from_micros(80),
            round_trip: Duration::from_micros(10),
            increase: 0.001,
            decrease: 0.02,
            max_clients: 10_000,
            max_credits: 1 << 20,
        }
    }
}

impl PoolPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        time("target", self.target)?;
        time("round_trip", self.round_trip)?;
        number("increase", self.increase, f64::MIN_POSITIVE, 1.0)?;
        number("decrease", self.decrease, f64::MIN_POSITIVE, 1.0)?;
        if self.max_clients == 0 {
            return Err(InvalidPolicy::Zero("max_clients"));
        }
        if self.max_credits == 0 {
            return Err(InvalidPolicy::Zero("max_credits"));
        }
        Ok(())
    }
}
