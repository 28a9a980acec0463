//! How long a breaker stays open.

use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::InvalidPolicy;
use super::policy::time;
use crate::chance;

/// How long a breaker stays open: `base`, times `growth` for every time it reopened without having
/// closed, at most `max`; then up to `jitter` of that longer, so that many breakers part.
///
/// What an endpoint asked for before it opened ([`Outcome::Throttled`](super::Outcome::Throttled)) makes
/// it longer, never shorter, and ends at most `max` after it was asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenTime {
    /// The first time.
    pub base: Duration,
    /// At least 1, which is no growth.
    pub growth: f64,
    /// The longest, before the jitter.
    pub max: Duration,
    /// A fraction from 0 to 1.
    pub jitter: f64,
}

impl Default for OpenTime {
    fn default() -> Self {
        Self::fixed(Duration::from_secs(60))
    }
}

impl OpenTime {
    /// Always exactly `base`.
    pub const fn fixed(base: Duration) -> Self {
        Self {
            base,
            growth: 1.0,
            max: base,
            jitter: 0.0,
        }
    }

    /// `base`, doubled up to `max`, and up to `jitter` of that longer.
    pub const fn doubling(base: Duration, max: Duration, jitter: f64) -> Self {
        Self {
            base,
            growth: 2.0,
            max,
            jitter,
        }
    }

    /// Without jitter, for the `reopened`-th time in a row.
    pub(super) fn bound(&self, reopened: u32) -> Duration {
        let mut seconds = self.base.as_secs_f64();
        let max = self.max.as_secs_f64();
        if self.growth == 1.0 || reopened == 0 {
            return self.base.min(self.max);
        }
        for _ in 0..reopened {
            seconds *= self.growth;
            if seconds >= max {
                return self.max;
            }
        }
        Duration::from_secs_f64(seconds)
    }

    pub(super) fn validate(&self) -> Result<(), InvalidPolicy> {
        time("open.base", self.base)?;
        time("open.max", self.max)?;
        if !(1.0..=1000.0).contains(&self.growth) {
            return Err(InvalidPolicy::OutOfRange("open.growth"));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err(InvalidPolicy::OutOfRange("open.jitter"));
        }
        if self.max < self.base {
            return Err(InvalidPolicy::OutOfRange("open.max"));
        }
        Ok(())
    }
}

/// The open times of one breaker, one after the other.
pub(super) struct Backoff {
    open: OpenTime,
    rng: Box<dyn Rng + Send>,
    reopened: u32,
    /// Until when the endpoint asked to be left alone.
    asked: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(open: OpenTime, rng: impl Rng + Send + 'static) -> Self {
        Self {
            open,
            rng: Box::new(rng),
            reopened: 0,
            asked: None,
        }
    }

    /// The endpoint asked for so much time. The longest wish counts.
    pub(super) fn heed(&mut self, patience: Duration, now: Instant) {
        let until = now + patience.min(self.open.max);
        self.asked = self.asked.max(Some(until));
    }

    /// Trials failed: the next open time is longer.
    pub(super) fn failed_again(&mut self) {
        self.reopened = self.reopened.saturating_add(1);
    }

    /// It is well again: the next open time is the first.
    pub(super) fn recovered(&mut self) {
        self.reopened = 0;
        self.asked = None;
    }

    /// The end of an open time that begins at `at`.
    pub(super) fn end(&mut self, at: Instant) -> Instant {
        let end = at + self.draw();
        self.asked.map_or(end, |asked| asked.max(end))
    }

    fn draw(&mut self) -> Duration {
        let bound = self.open.bound(self.reopened);
        if self.open.jitter == 0.0 {
            return bound;
        }
        let most = bound.mul_f64(self.open.jitter);
        bound + chance::between(&mut *self.rng, Duration::ZERO, most)
    }
}
