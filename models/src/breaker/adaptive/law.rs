//! The law of client-side throttling as a pure machine.

use std::collections::VecDeque;

use rand_core::Rng;
use tokio::time::Instant;

use super::Policy;
use crate::breaker::{InvalidPolicy, Outcome};
use crate::chance;

/// As many draws as a double tells apart.
const DRAWS: u64 = 1 << 53;

/// A call was dropped before it was sent. Not a failure of the endpoint: outer layers neither count nor
/// repeat it.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("dropped, as the endpoint accepts too little (with probability {probability:.3})")]
pub struct Dropped {
    /// How likely that was.
    pub probability: f64,
}

/// Calls of one bucket. Every count saturates.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    accepted: u64,
    failed: u64,
    dropped: u64,
}

impl Bucket {
    const fn requests(&self) -> u64 {
        let sent = self.accepted.saturating_add(self.failed);
        sent.saturating_add(self.dropped)
    }

    const fn plus(self, other: &Self) -> Self {
        Self {
            accepted: self.accepted.saturating_add(other.accepted),
            failed: self.failed.saturating_add(other.failed),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }
}

/// Decides call by call. Instants that step back count as the latest seen.
pub struct Law {
    policy: Policy,
    rng: Box<dyn Rng + Send>,
    /// The newest last.
    buckets: VecDeque<Bucket>,
    /// Index of the newest bucket since the beginning.
    newest: u128,
    began: Instant,
    latest: Instant,
    /// When a call last passed although some were dropped.
    passed: Option<Instant>,
}

impl Law {
    /// Nothing is known yet at `now`, so nothing is dropped.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: Policy,
        rng: impl Rng + Send + 'static,
        now: Instant,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let buckets = vec![Bucket::default(); policy.buckets as usize];
        Ok(Self {
            policy,
            rng: Box::new(rng),
            buckets: buckets.into(),
            newest: 0,
            began: now,
            latest: now,
            passed: None,
        })
    }

    /// Asks for one call.
    ///
    /// # Errors
    ///
    /// It is dropped, by chance; that is counted.
    pub fn admit(&mut self, now: Instant) -> Result<(), Dropped> {
        let now = self.roll(now);
        let pressure = self.pressure();
        if pressure <= 0.0 {
            return Ok(());
        }
        let probability = pressure * self.ease();
        if !self.is_forced(now) && self.draw() < probability {
            let newest = self.buckets.back_mut();
            newest
                .into_iter()
                .for_each(|bucket| bump(&mut bucket.dropped));
            return Err(Dropped { probability });
        }
        self.passed = Some(now);
        Ok(())
    }

    /// Takes the outcome of an admitted call. Only a success was accepted; what is excluded is not
    /// counted at all.
    pub fn report(&mut self, outcome: Outcome, now: Instant) {
        self.roll(now);
        if let Some(bucket) = self.buckets.back_mut() {
            match outcome {
                Outcome::Success => bump(&mut bucket.accepted),
                Outcome::Failure | Outcome::Throttled { .. } => bump(&mut bucket.failed),
                Outcome::Excluded => {}
            }
        }
    }

    /// How likely the next call is dropped at `now`, unless it is forced through.
    pub fn probability(&mut self, now: Instant) -> f64 {
        self.roll(now);
        self.pressure().max(0.0) * self.ease()
    }

    /// What is sent beyond `k` calls for each accepted one, as a share of all; below zero: nothing.
    fn pressure(&self) -> f64 {
        let nothing = Bucket::default();
        let total = self.buckets.iter().fold(nothing, Bucket::plus);
        let requests = total.requests() as f64;
        let spare = self.policy.spare as f64;
        let paid = self.k() * total.accepted as f64;
        (requests - spare - paid) / (requests + 1.0)
    }

    fn k(&self) -> f64 {
        let Policy { k, floor, .. } = self.policy;
        if floor == k {
            return k;
        }
        let bad = self.newest_with(|bucket| bucket.failed, |bucket| bucket.accepted);
        (k - (k - floor) * self.share(bad)).max(floor)
    }

    fn ease(&self) -> f64 {
        if !self.policy.eases {
            return 1.0;
        }
        let good = self.newest_with(|bucket| bucket.accepted, |bucket| bucket.failed);
        1.0 - self.share(good)
    }

    /// How many of the newest buckets have some of the one and none of the other; those with neither are
    /// passed over.
    fn newest_with(&self, one: fn(&Bucket) -> u64, other: fn(&Bucket) -> u64) -> usize {
        let newest = self.buckets.iter().rev();
        let streak = newest.take_while(|bucket| other(bucket) == 0);
        streak.filter(|bucket| one(bucket) > 0).count()
    }

    fn share(&self, buckets: usize) -> f64 {
        buckets as f64 / f64::from(self.policy.buckets)
    }

    fn is_forced(&self, now: Instant) -> bool {
        let waited = self.passed.map(|at| now.saturating_duration_since(at));
        let forced = self.policy.forced.zip(waited);
        forced.is_some_and(|(every, waited)| waited > every)
    }

    /// From 0 up to but not including 1.
    fn draw(&mut self) -> f64 {
        chance::below(&mut *self.rng, DRAWS) as f64 / DRAWS as f64
    }

    fn roll(&mut self, now: Instant) -> Instant {
        self.latest = now.max(self.latest);
        let elapsed = self.latest.saturating_duration_since(self.began);
        let index = elapsed.as_nanos() / self.policy.width();
        let steps = index.saturating_sub(self.newest);
        for _ in 0..steps.min(self.buckets.len() as u128) {
            self.buckets.pop_front();
            self.buckets.push_back(Bucket::default());
        }
        self.newest = index;
        self.latest
    }
}

fn bump(count: &mut u64) {
    *count = count.saturating_add(1);
}

impl std::fmt::Debug for Law {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Law")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
