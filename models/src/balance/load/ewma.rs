//! A moving average that believes the worst at once and the better little by little.

use std::time::Duration;

use tokio::time::Instant;

use super::super::InvalidPolicy;
use crate::chance;

/// The peak-sensitive moving average of response times, exponentially weighted by the time between
/// samples. It came from Finagle, and linkerd and tower have it too.
///
/// A sample above the estimate becomes the estimate. Any other one, after Δt, leaves
/// `estimate × d + sample × (1 − d)` with `d = exp(−Δt ÷ τ)`. To look is a sample of zero, so that an
/// estimate decays while nothing is heard. A clock that steps back counts as one that stands.
#[derive(Clone, Debug)]
pub struct Ewma {
    /// All times in nanoseconds.
    tau: f64,
    estimate: f64,
    updated: Instant,
}

impl Ewma {
    /// An estimate that begins with `first`, which decays from now on, and forgets with the time
    /// constant `tau`.
    ///
    /// # Errors
    ///
    /// A time is zero or longer than ten years.
    pub fn new(tau: Duration, first: Duration, now: Instant) -> Result<Self, InvalidPolicy> {
        InvalidPolicy::check_time("tau", tau)?;
        InvalidPolicy::check_time("first", first)?;
        Ok(Self::begin(tau, first, now))
    }

    /// The same with times that were checked.
    pub(super) fn begin(tau: Duration, first: Duration, now: Instant) -> Self {
        Self {
            tau: in_nanos(tau),
            estimate: in_nanos(first),
            updated: now,
        }
    }

    /// A response took so long.
    pub fn sample(&mut self, took: Duration, now: Instant) {
        let sample = in_nanos(took);
        if sample > self.estimate {
            self.estimate = sample;
        } else {
            let passed = in_nanos(now.saturating_duration_since(self.updated));
            let decay = libm::exp(-passed / self.tau);
            self.estimate = self.estimate * decay + sample * (1.0 - decay);
        }
        self.updated = self.updated.max(now);
    }

    /// The estimate in nanoseconds, decayed up to now.
    pub fn estimate(&mut self, now: Instant) -> f64 {
        self.sample(Duration::ZERO, now);
        self.estimate
    }

    /// What a call would cost, in nanoseconds: the estimate times what would be pending with it.
    pub fn cost(&mut self, pending: usize, now: Instant) -> f64 {
        self.estimate(now) * (pending as f64 + 1.0)
    }
}

pub(super) fn in_nanos(duration: Duration) -> f64 {
    chance::nanos(duration) as f64
}
