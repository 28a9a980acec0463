//! Additive increase, multiplicative decrease: the law of TCP Reno, as in Netflix' concurrency-limits.

use std::time::Duration;

use tokio::time::Instant;

use super::Controller;
use super::controller::{bounds, is_idle};
use crate::overload::error::{number, time};
use crate::overload::{InvalidPolicy, Outcome};

/// The settings of [`Aimd`]; the defaults are Netflix'.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AimdPolicy {
    /// The limit before the first sample.
    pub initial: usize,
    /// Never below.
    pub min: usize,
    /// Never above.
    pub max: usize,
    /// What is left of the limit after an overload: from 0.5 to below 1.
    pub backoff: f64,
    /// A call that took longer (strictly) says "overloaded", too.
    pub timeout: Duration,
}

impl Default for AimdPolicy {
    fn default() -> Self {
        Self {
            initial: 20,
            min: 20,
            max: 200,
            backoff: 0.9,
            timeout: Duration::from_secs(5),
        }
    }
}

/// One more after a success, if the limit is used to a half; ⌊limit · backoff⌋ after an overload.
#[derive(Debug)]
pub struct Aimd {
    policy: AimdPolicy,
    limit: usize,
}

impl Aimd {
    /// Begins at the initial limit.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: AimdPolicy) -> Result<Self, InvalidPolicy> {
        bounds(policy.min, policy.initial, policy.max)?;
        number("backoff", policy.backoff, 0.5, 1.0)?;
        if policy.backoff == 1.0 {
            return Err(InvalidPolicy::OutOfRange("backoff"));
        }
        time("timeout", policy.timeout)?;
        Ok(Self {
            policy,
            limit: policy.initial,
        })
    }
}

impl Controller for Aimd {
    fn on_sample(&mut self, rtt: Duration, in_flight: usize, outcome: Outcome, _: Instant) {
        let slow = outcome == Outcome::Success && rtt > self.policy.timeout;
        let limit = if slow || outcome == Outcome::Overload {
            (self.limit as f64 * self.policy.backoff) as usize
        } else if outcome == Outcome::Success && !is_idle(in_flight, self.limit as f64) {
            self.limit + 1
        } else {
            self.limit
        };
        self.limit = limit.clamp(self.policy.min, self.policy.max);
    }

    fn limit(&self) -> usize {
        self.limit
    }
}
