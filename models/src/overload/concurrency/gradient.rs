//! The gradient controller of Envoy's adaptive concurrency filter.

use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::Controller;
use super::controller::{bounds, is_idle};
use super::samples::Samples;
use crate::chance::{between, nanos};
use crate::overload::error::{number, time};
use crate::overload::{InvalidPolicy, Outcome};

/// So many windows in a row at the floor force a new measurement of the smallest latency.
const FLOOR_WINDOWS: u32 = 5;

/// The settings of [`Gradient`]; the defaults are Envoy's, with the intervals of its examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientPolicy {
    /// The floor, at which the smallest latency is measured.
    pub min: usize,
    /// Never above.
    pub max: usize,
    /// How often the limit is moved.
    pub update_interval: Duration,
    /// How often the smallest latency is measured anew, before the jitter.
    pub measure_interval: Duration,
    /// Up to this fraction of the interval is added by chance, so that replicas do not measure together:
    /// from 0 to 1.
    pub jitter: f64,
    /// Calls that a measurement takes.
    pub measure_calls: u64,
    /// This fraction is added to the smallest latency, so that its natural spread is no overload: from
    /// 0 to 1.
    pub buffer: f64,
}

impl Default for GradientPolicy {
    fn default() -> Self {
        Self {
            min: 3,
            max: 1000,
            update_interval: Duration::from_millis(100),
            measure_interval: Duration::from_secs(60),
            jitter: 0.15,
            measure_calls: 50,
            buffer: 0.25,
        }
    }
}

impl GradientPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        bounds(self.min, self.min, self.max)?;
        time("update_interval", self.update_interval)?;
        time("measure_interval", self.measure_interval)?;
        if self.measure_interval < self.update_interval {
            return Err(InvalidPolicy::Contradiction("measure_interval"));
        }
        number("jitter", self.jitter, 0.0, 1.0)?;
        number("buffer", self.buffer, 0.0, 1.0)?;
        match self.measure_calls {
            0 => Err(InvalidPolicy::Zero("measure_calls")),
            1..=1_000_000 => Ok(()),
            _ => Err(InvalidPolicy::OutOfRange("measure_calls")),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The smallest latency is measured, at the floor; then the limit is what it was.
    Measuring { resume: usize },
    /// The limit follows the latency.
    Following {
        window_ends: Instant,
        measure_at: Instant,
    },
}

/// g = clamp(minRTT · 1.25 ÷ sampleRTT, 0.5, 2), x = limit · g, limit = ⌊clamp(x + √x, 3, 1000)⌋, where
/// sampleRTT is the median of a window. Ours: a window in which less than half of the limit was used
/// does not raise it. Windows and measurements end with the first report at or after their time.
pub struct Gradient {
    policy: GradientPolicy,
    rng: Box<dyn Rng + Send>,
    limit: usize,
    min_rtt: u64,
    phase: Phase,
    /// Samples of calls that began earlier say nothing.
    epoch: Instant,
    samples: Samples,
    busiest: usize,
    at_floor: u32,
}

impl Gradient {
    /// Begins with a measurement at `now`. Two replicas need two independent generators, or they measure
    /// in step and both give way at the same time.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: GradientPolicy,
        rng: impl Rng + Send + 'static,
        now: Instant,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            rng: Box::new(rng),
            limit: policy.min,
            min_rtt: 0,
            phase: Phase::Measuring { resume: policy.min },
            epoch: now,
            samples: Samples::new(),
            busiest: 0,
            at_floor: 0,
        })
    }

    /// The smallest latency as measured last, unless none was yet.
    pub fn min_rtt(&self) -> Option<Duration> {
        (self.min_rtt > 0).then(|| Duration::from_nanos(self.min_rtt))
    }

    /// When the smallest latency is measured next; `None` while it is.
    pub const fn measure_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Measuring { .. } => None,
            Phase::Following { measure_at, .. } => Some(measure_at),
        }
    }

    fn advance(&mut self, now: Instant) {
        let Phase::Following {
            window_ends,
            measure_at,
        } = self.phase
        else {
            return;
        };
        if now >= window_ends {
            let again = self.follow();
            self.phase = Phase::Following {
                window_ends: now + self.policy.update_interval,
                measure_at: if again { now } else { measure_at },
            };
        }
        if self.measure_at().is_some_and(|at| now >= at) {
            self.measure(now);
        }
    }

    /// Moves the limit by the window's samples; `true` if it has been at the floor for too long. A window
    /// without samples decides nothing.
    fn follow(&mut self) -> bool {
        let busiest = std::mem::take(&mut self.busiest);
        let Some(median) = self.samples.take_median() else {
            return false;
        };
        let limit = self.next_limit(median);
        let before = self.limit;
        if limit <= before || !is_idle(busiest, before as f64) {
            self.limit = limit;
        }
        let at_floor = before == self.policy.min && self.limit == before;
        self.at_floor = if at_floor { self.at_floor + 1 } else { 0 };
        self.at_floor >= FLOOR_WINDOWS
    }

    fn next_limit(&self, sample: u64) -> usize {
        let buffered = self.min_rtt as f64 * (1.0 + self.policy.buffer);
        let gradient = (buffered / sample as f64).clamp(0.5, 2.0);
        let x = self.limit as f64 * gradient;
        let limit = x + x.sqrt();
        limit.clamp(self.policy.min as f64, self.policy.max as f64) as usize
    }

    fn measure(&mut self, now: Instant) {
        let resume = std::mem::replace(&mut self.limit, self.policy.min);
        self.phase = Phase::Measuring { resume };
        self.epoch = now;
        self.samples.clear();
        self.at_floor = 0;
    }

    fn add(&mut self, rtt: Duration, now: Instant) {
        if now.checked_sub(rtt).is_none_or(|began| began < self.epoch) {
            return;
        }
        // A call that took no time at all would make every other one infinitely slow.
        self.samples.add(nanos(rtt).max(1));
        let Phase::Measuring { resume } = self.phase else {
            return;
        };
        if self.samples.seen() >= self.policy.measure_calls
            && let Some(median) = self.samples.take_median()
        {
            self.min_rtt = median;
            self.limit = resume;
            self.busiest = 0;
            self.phase = Phase::Following {
                window_ends: now + self.policy.update_interval,
                measure_at: now + self.draw_interval(),
            };
        }
    }

    fn draw_interval(&mut self) -> Duration {
        let interval = self.policy.measure_interval;
        let most = interval.mul_f64(self.policy.jitter);
        interval + between(&mut *self.rng, Duration::ZERO, most)
    }
}

impl Controller for Gradient {
    fn on_sample(&mut self, rtt: Duration, in_flight: usize, outcome: Outcome, now: Instant) {
        self.advance(now);
        self.busiest = self.busiest.max(in_flight);
        if outcome == Outcome::Success {
            self.add(rtt, now);
        }
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

impl std::fmt::Debug for Gradient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gradient")
            .field("limit", &self.limit)
            .field("min_rtt", &self.min_rtt())
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
