//! The second gradient law of Netflix' concurrency-limits: against a long average, not a minimum.

use std::time::Duration;

use tokio::time::Instant;

use super::Controller;
use super::controller::{bounds, is_idle};
use crate::chance::nanos;
use crate::overload::error::number;
use crate::overload::{InvalidPolicy, Outcome};

/// So many samples are averaged plainly before the average becomes exponential.
const WARM_UP: u64 = 10;

/// The settings of [`Gradient2`]; the defaults are Netflix'.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient2Policy {
    /// The limit before the first sample.
    pub initial: usize,
    /// Never below.
    pub min: usize,
    /// Never above.
    pub max: usize,
    /// What may stand in the callee's queue.
    pub queue: usize,
    /// Samples over which the long average goes.
    pub long_window: u32,
    /// How many times the long average a latency may be before the limit falls: from 1 to 100.
    pub tolerance: f64,
    /// How much of a step is taken: above 0, up to 1.
    pub smoothing: f64,
}

impl Default for Gradient2Policy {
    fn default() -> Self {
        Self {
            initial: 20,
            min: 20,
            max: 200,
            queue: 4,
            long_window: 600,
            tolerance: 1.5,
            smoothing: 0.2,
        }
    }
}

impl Gradient2Policy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        bounds(self.min, self.initial, self.max)?;
        if self.queue > self.max {
            return Err(InvalidPolicy::Contradiction("queue"));
        }
        if self.long_window == 0 {
            return Err(InvalidPolicy::Zero("long_window"));
        }
        number("tolerance", self.tolerance, 1.0, 100.0)?;
        number("smoothing", self.smoothing, f64::MIN_POSITIVE, 1.0)
    }
}

/// g = clamp(1.5 · long ÷ rtt, 0.5, 1), limit = 0.8 · limit + 0.2 · (limit · g + 4) within 20 and 200,
/// where long is an exponential average over 600 samples, and falls by a twentieth more whenever it is
/// above twice the latency. A limit that is not used to a half stays.
#[derive(Debug)]
pub struct Gradient2 {
    policy: Gradient2Policy,
    limit: f64,
    long: f64,
    samples: u64,
}

impl Gradient2 {
    /// Begins at the initial limit.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: Gradient2Policy) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            limit: policy.initial as f64,
            long: 0.0,
            samples: 0,
        })
    }

    /// The long average, with the sample in it but before it is made to fall faster.
    fn average(&mut self, rtt: f64) -> f64 {
        self.samples = self.samples.saturating_add(1);
        self.long = if self.samples <= WARM_UP {
            self.long + (rtt - self.long) / self.samples as f64
        } else {
            let weight = 2.0 / (f64::from(self.policy.long_window) + 1.0);
            self.long * (1.0 - weight) + rtt * weight
        };
        let long = self.long;
        if long / rtt > 2.0 {
            self.long *= 0.95;
        }
        long
    }
}

impl Controller for Gradient2 {
    fn on_sample(&mut self, rtt: Duration, in_flight: usize, outcome: Outcome, _: Instant) {
        if outcome != Outcome::Success {
            return;
        }
        let rtt = nanos(rtt).max(1) as f64;
        let long = self.average(rtt);
        if is_idle(in_flight, self.limit) {
            return;
        }
        let Gradient2Policy {
            tolerance,
            smoothing,
            queue,
            ..
        } = self.policy;
        let gradient = (tolerance * long / rtt).clamp(0.5, 1.0);
        let next = self.limit * gradient + queue as f64;
        let limit = self.limit * (1.0 - smoothing) + next * smoothing;
        self.limit = limit.clamp(self.policy.min as f64, self.policy.max as f64);
    }

    fn limit(&self) -> usize {
        self.limit as usize
    }
}
