//! Envoy's admission control: refuses by chance, the likelier the more calls failed lately.

use std::collections::VecDeque;
use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::{Admission, End, Reason};
use crate::chance::below;
use crate::overload::error::{number, time};
use crate::overload::{Call, InvalidPolicy, Outcome};

const SECOND: Duration = Duration::from_secs(1);
/// Envoy compares four digits of the probability with a drawn number.
const ACCURACY: u64 = 10_000;

/// The settings of [`SuccessRate`]; the defaults are Envoy's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuccessRatePolicy {
    /// Over which time calls are counted, in whole seconds: from a second to an hour.
    pub window: Duration,
    /// The success rate below which calls are refused: above 0, up to 1.
    pub threshold: f64,
    /// How steeply: 1 is linear, more refuses earlier. From 1 to 1000.
    pub aggression: f64,
    /// Never refuses likelier than this, so that there is always something to learn from: from 0 to 1.
    pub max_probability: f64,
    /// Fewer calls a second than this are never refused.
    pub min_rps: u64,
}

impl Default for SuccessRatePolicy {
    fn default() -> Self {
        Self {
            window: 30 * SECOND,
            threshold: 0.95,
            aggression: 1.0,
            max_probability: 0.8,
            min_rps: 0,
        }
    }
}

impl SuccessRatePolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        time("window", self.window)?;
        if self.window.subsec_nanos() != 0 || self.window > Duration::from_secs(3600) {
            return Err(InvalidPolicy::OutOfRange("window"));
        }
        number("threshold", self.threshold, f64::MIN_POSITIVE, 1.0)?;
        number("aggression", self.aggression, 1.0, 1000.0)?;
        number("max_probability", self.max_probability, 0.0, 1.0)
    }

    /// p = clamp(((n − s/0.95)/(n + 1))^(1/aggression), 0, 0.8); a negative base is 0, not a root of it.
    pub fn probability(&self, requests: u64, successes: u64) -> f64 {
        let (requests, successes) = (requests as f64, successes as f64);
        let base = (requests - successes / self.threshold) / (requests + 1.0);
        if base <= 0.0 {
            return 0.0;
        }
        let steep = if self.aggression == 1.0 {
            base
        } else {
            libm::pow(base, 1.0 / self.aggression)
        };
        steep.min(self.max_probability)
    }
}

/// The calls that ended within one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    index: u64,
    requests: u64,
    successes: u64,
}

/// Counts admitted calls when they end, as Envoy does; a call whose caller went away is counted nowhere.
pub struct SuccessRate {
    policy: SuccessRatePolicy,
    rng: Box<dyn Rng + Send>,
    began: Instant,
    /// The newest last; seconds without calls have none.
    seconds: VecDeque<Second>,
    requests: u64,
    successes: u64,
}

impl SuccessRate {
    /// Knows of no calls yet at `now`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: SuccessRatePolicy,
        rng: impl Rng + Send + 'static,
        now: Instant,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            rng: Box::new(rng),
            began: now,
            seconds: VecDeque::new(),
            requests: 0,
            successes: 0,
        })
    }

    /// How likely a call is refused at `now`.
    pub fn probability(&mut self, now: Instant) -> f64 {
        let second = self.forget_old(now);
        let oldest = self.seconds.front().map_or(second, |s| s.index);
        let age = second.saturating_sub(oldest).max(1);
        if self.requests / age < self.policy.min_rps {
            return 0.0;
        }
        self.policy.probability(self.requests, self.successes)
    }

    /// Drops what left the window: seconds that are as old as it, or older. The answer is the second now.
    fn forget_old(&mut self, now: Instant) -> u64 {
        let second = now.saturating_duration_since(self.began).as_secs();
        let window = self.policy.window.as_secs();
        while let Some(old) = self.seconds.front().copied() {
            if second.saturating_sub(old.index) < window {
                break;
            }
            self.seconds.pop_front();
            self.requests = self.requests.saturating_sub(old.requests);
            self.successes = self.successes.saturating_sub(old.successes);
        }
        second
    }
}

impl Admission for SuccessRate {
    fn admit(&mut self, _: &Call, _: usize, now: Instant) -> Result<(), Reason> {
        let probability = self.probability(now);
        let drawn = below(&mut *self.rng, ACCURACY);
        if probability * ACCURACY as f64 > drawn as f64 {
            return Err(Reason::SuccessRate { probability });
        }
        Ok(())
    }

    fn ended(&mut self, end: &End, now: Instant) {
        let Some(outcome) = end.outcome else {
            return;
        };
        let index = self.forget_old(now);
        if self
            .seconds
            .back()
            .is_none_or(|newest| newest.index < index)
        {
            self.seconds.push_back(Second {
                index,
                ..Second::default()
            });
        }
        let success = u64::from(outcome == Outcome::Success);
        if let Some(newest) = self.seconds.back_mut() {
            newest.requests = newest.requests.saturating_add(1);
            newest.successes = newest.successes.saturating_add(success);
        }
        self.requests = self.requests.saturating_add(1);
        self.successes = self.successes.saturating_add(success);
    }
}

impl std::fmt::Debug for SuccessRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SuccessRate")
            .field("requests", &self.requests)
            .field("successes", &self.successes)
            .finish_non_exhaustive()
    }
}
