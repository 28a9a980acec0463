//! The law of TCP Vegas, as in Netflix' concurrency-limits.

use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::Controller;
use super::controller::{bounds, is_idle};
use crate::chance::{below, nanos};
use crate::overload::{InvalidPolicy, Outcome};

/// The settings of [`Vegas`]; the defaults are Netflix'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VegasPolicy {
    /// The limit before the first sample.
    pub initial: usize,
    /// Never above.
    pub max: usize,
    /// The smallest latency is taken anew about every so many times the limit samples.
    pub probe: u32,
}

impl Default for VegasPolicy {
    fn default() -> Self {
        Self {
            initial: 20,
            max: 1000,
            probe: 30,
        }
    }
}

/// queue = ⌈limit · (1 − rtt₀/rtt)⌉ is what the limit lets stand in the callee's queue. With
/// L = ⌊log₁₀ limit⌋, at least 1: queue ≤ L: limit + 6·L; queue < 3·L: limit + L; queue > 6·L, or an
/// overload: limit − L, down to 1. rtt₀ is the smallest latency, taken anew every U(0.5, 1) · 30 · limit
/// samples. A limit that is not used to a half stays.
pub struct Vegas {
    policy: VegasPolicy,
    rng: Box<dyn Rng + Send>,
    limit: usize,
    no_load: Option<u64>,
    /// Samples since rtt₀ was taken, and the fraction of the probe interval (in 2⁻³²) after which it is
    /// taken again.
    since_probe: u64,
    jitter: u64,
}

impl Vegas {
    /// Begins at the initial limit.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: VegasPolicy, rng: impl Rng + Send + 'static) -> Result<Self, InvalidPolicy> {
        bounds(1, policy.initial, policy.max)?;
        match policy.probe {
            0 => return Err(InvalidPolicy::Zero("probe")),
            1..=1_000_000 => {}
            _ => return Err(InvalidPolicy::OutOfRange("probe")),
        }
        let mut vegas = Self {
            policy,
            rng: Box::new(rng),
            limit: policy.initial,
            no_load: None,
            since_probe: 0,
            jitter: 0,
        };
        vegas.draw_jitter();
        Ok(vegas)
    }

    /// The latency taken for that of an idle callee.
    pub fn no_load(&self) -> Option<Duration> {
        self.no_load.map(Duration::from_nanos)
    }

    fn draw_jitter(&mut self) {
        const HALF: u64 = 1 << 31;
        self.jitter = HALF + below(&mut *self.rng, HALF);
        self.since_probe = 0;
    }

    fn probe_is_due(&self) -> bool {
        let samples = u128::from(self.policy.probe) * self.limit as u128;
        u128::from(self.since_probe) << 32 >= samples * u128::from(self.jitter)
    }

    /// Takes a sample; the queue it shows, unless it only tells what an idle callee takes.
    fn queue(&mut self, rtt: u64) -> Option<usize> {
        self.since_probe = self.since_probe.saturating_add(1);
        let probe = self.probe_is_due();
        if probe {
            self.draw_jitter();
        }
        match self.no_load {
            Some(no_load) if !probe && rtt >= no_load => {
                let waits = 1.0 - no_load as f64 / rtt as f64;
                Some((self.limit as f64 * waits).ceil() as usize)
            }
            _ => {
                self.no_load = Some(rtt);
                None
            }
        }
    }

    fn next_limit(&self, queue: usize, step: usize) -> usize {
        if queue <= step {
            self.limit + 6 * step
        } else if queue < 3 * step {
            self.limit + step
        } else if queue > 6 * step {
            self.limit.saturating_sub(step)
        } else {
            self.limit
        }
    }
}

impl Controller for Vegas {
    fn on_sample(&mut self, rtt: Duration, in_flight: usize, outcome: Outcome, _: Instant) {
        let step = (self.limit.max(1).ilog10() as usize).max(1);
        let limit = match outcome {
            Outcome::Failure => return,
            Outcome::Overload => self.limit.saturating_sub(step),
            Outcome::Success => match self.queue(nanos(rtt).max(1)) {
                Some(queue) if !is_idle(in_flight, self.limit as f64) => {
                    self.next_limit(queue, step)
                }
                _ => return,
            },
        };
        self.limit = limit.clamp(1, self.policy.max);
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

impl std::fmt::Debug for Vegas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vegas")
            .field("limit", &self.limit)
            .field("no_load", &self.no_load())
            .finish_non_exhaustive()
    }
}
