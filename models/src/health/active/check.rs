//! The check of one endpoint as a pure machine.

use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::super::InvalidPolicy;
use super::Policy;
use crate::chance;

/// What a probe came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// The endpoint is well.
    Passed,
    /// It did not answer, or asked to be asked again: counts towards the threshold.
    Failed,
    /// It answered that it is not well: unhealthy at once, whatever the threshold.
    Condemned,
}

/// An endpoint became healthy or unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is now.
    pub healthy: bool,
    /// When its probe ended.
    pub at: Instant,
}

/// What the probes of one endpoint say of it. Unhealthy until the first passes.
#[derive(Clone, Debug)]
pub struct Check {
    policy: Policy,
    healthy: bool,
    /// Probes in a row that speak against `healthy`.
    against: u32,
    is_first: bool,
    due: Instant,
}

impl Check {
    /// A check whose first probe is due within the initial jitter.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: Policy,
        rng: &mut (impl Rng + ?Sized),
        now: Instant,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            healthy: false,
            against: 0,
            is_first: true,
            due: now + jitter(policy.initial_jitter, rng),
        })
    }

    /// Whether the endpoint may get traffic.
    pub const fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// When the next probe is due.
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// Takes the outcome of a probe that began at `began` and ended at `now`; `traffic` says whether the
    /// set has seen any. The next probe is due an interval after the start of this one, or now if that is
    /// over.
    pub fn ended(
        &mut self,
        probed: Probed,
        began: Instant,
        now: Instant,
        traffic: bool,
        rng: &mut (impl Rng + ?Sized),
    ) -> Option<Change> {
        let changed = self.turns(probed);
        if changed {
            self.healthy = !self.healthy;
            self.against = 0;
        }
        self.is_first = false;
        let idle = self.policy.no_traffic_interval.filter(|_| !traffic);
        let wait = idle.unwrap_or_else(|| self.policy.wait(self.healthy, changed));
        let next = began + wait + jitter(self.policy.interval_jitter, rng);
        self.due = next.max(now);
        changed.then_some(Change {
            healthy: self.healthy,
            at: now,
        })
    }

    /// The set sees its first traffic: the next probe comes within the usual interval.
    pub fn hurry(&mut self, now: Instant) {
        self.due = self.due.min(now + self.policy.wait(self.healthy, false));
    }

    /// Whether this outcome is the one that changes the mind.
    const fn turns(&mut self, probed: Probed) -> bool {
        let passed = matches!(probed, Probed::Passed);
        if passed == self.healthy {
            self.against = 0;
            return false;
        }
        self.against = self.against.saturating_add(1);
        match probed {
            Probed::Passed => self.is_first || self.against >= self.policy.healthy_threshold,
            Probed::Failed => self.against >= self.policy.unhealthy_threshold,
            Probed::Condemned => true,
        }
    }
}

fn jitter(most: Duration, rng: &mut (impl Rng + ?Sized)) -> Duration {
    chance::between(rng, Duration::ZERO, most)
}
