//! The detector as a pure machine: every decision is a function of its state and the instant given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::super::InvalidPolicy;
use super::host::Host;
use super::{Counters, Event, Mercy, Outcome, Peers, Policy, Reason, Release, Suspicion};
use crate::chance;

/// Who is in and who is out of one set of endpoints. Instants that step back count as the latest seen.
pub struct Outliers {
    policy: Policy,
    rng: Box<dyn Rng + Send>,
    hosts: BTreeMap<Arc<str>, Host>,
    next_sweep: Instant,
    latest: Instant,
    counters: Counters,
}

impl Outliers {
    /// A detector of an empty set; `rng` draws jitter and enforcement.
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
        Ok(Self {
            policy,
            rng: Box::new(rng),
            hosts: BTreeMap::new(),
            next_sweep: now + policy.interval,
            latest: now,
            counters: Counters::default(),
        })
    }

    /// Takes what a call came to. One to an endpoint that is not in the set changes nothing.
    pub fn report(&mut self, endpoint: &str, outcome: Outcome, now: Instant) -> Vec<Event> {
        let now = self.advance(now);
        let Some(host) = self.hosts.get_mut(endpoint) else {
            self.counters.count(None);
            return Vec::new();
        };
        self.counters.count(Some(outcome));
        let reached = host.note(outcome, &self.policy);
        let judged = reached.into_iter();
        judged
            .filter_map(|reason| self.judge(endpoint, reason, now))
            .collect()
    }

    /// Brings back whose time is over, and judges the rates of the interval that ends now. Normally called
    /// when [`next_sweep`](Self::next_sweep) is reached; the next one is an interval after this one.
    pub fn sweep(&mut self, now: Instant) -> Vec<Event> {
        let now = self.advance(now);
        self.next_sweep = now + self.policy.interval;
        let mut events = self.release_served(now);
        self.hosts.values_mut().for_each(Host::turn);
        for (endpoint, reason) in self.outliers() {
            events.extend(self.judge(&endpoint, reason, now));
        }
        events
    }

    /// When the next sweep is due.
    pub const fn next_sweep(&self) -> Instant {
        self.next_sweep
    }

    /// Replaces the set; what is known of those that stay is kept, one that left is forgotten.
    pub fn update(&mut self, endpoints: &[Arc<str>], now: Instant) {
        self.advance(now);
        let mut old = std::mem::take(&mut self.hosts);
        for endpoint in endpoints {
            if !self.hosts.contains_key(endpoint) {
                let host = old.remove(endpoint).unwrap_or_default();
                self.hosts.insert(endpoint.clone(), host);
            }
        }
        let left = old.values().filter(|host| host.is_ejected()).count();
        self.counters.left = self.counters.left.saturating_add(left as u64);
    }

    /// An active check of the endpoint passed. Does nothing unless
    /// [`Policy::active_success_returns`] is set.
    pub fn passed_active_check(&mut self, endpoint: &str, now: Instant) -> Option<Event> {
        let now = self.advance(now);
        if !self.policy.active_success_returns {
            return None;
        }
        self.release(endpoint, Release::ActiveCheck, now)
    }

    /// Whether the endpoint is in the set, but out.
    pub fn is_ejected(&self, endpoint: &str) -> bool {
        self.hosts.get(endpoint).is_some_and(Host::is_ejected)
    }

    /// How many are out.
    pub fn ejected(&self) -> usize {
        self.hosts.values().filter(|host| host.is_ejected()).count()
    }

    /// What is known of an endpoint; none if it is not in the set.
    pub fn suspicion(&self, endpoint: &str) -> Option<Suspicion> {
        self.hosts.get(endpoint).map(Host::suspicion)
    }

    /// What was done so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn advance(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// Not strict: at the very instant its time is over.
    fn release_served(&mut self, now: Instant) -> Vec<Event> {
        let mut served = Vec::new();
        for (endpoint, host) in &mut self.hosts {
            match host.until() {
                None => host.rest(now, self.policy.interval),
                Some(until) if now >= until => served.push(endpoint.clone()),
                Some(_) => {}
            }
        }
        let served = served.into_iter();
        served
            .filter_map(|endpoint| self.release(&endpoint, Release::Served, now))
            .collect()
    }

    fn release(&mut self, endpoint: &str, release: Release, at: Instant) -> Option<Event> {
        let (endpoint, _) = self.hosts.get_key_value(endpoint)?;
        let endpoint = endpoint.clone();
        let host = self.hosts.get_mut(&endpoint)?;
        if !host.is_ejected() {
            return None;
        }
        host.come_back(at);
        self.counters.returns = self.counters.returns.saturating_add(1);
        Some(Event::Returned {
            endpoint,
            release,
            at,
        })
    }

    /// Ejects an outlier, if that may be; nothing if it is out already.
    fn judge(&mut self, endpoint: &str, reason: Reason, at: Instant) -> Option<Event> {
        let (ejected, hosts) = (self.ejected(), self.hosts.len());
        let (endpoint, host) = self.hosts.get_key_value(endpoint)?;
        if host.is_ejected() {
            return None;
        }
        let endpoint = endpoint.clone();
        let mercy = if !self.policy.allows(ejected, hosts) {
            self.counters.capped = self.counters.capped.saturating_add(1);
            Mercy::Cap
        } else if !self.is_enforced(&reason) {
            self.counters.unenforced = self.counters.unenforced.saturating_add(1);
            Mercy::NotEnforced
        } else {
            return self.eject(endpoint, reason, at);
        };
        Some(Event::Spared {
            endpoint,
            reason,
            mercy,
            at,
        })
    }

    fn eject(&mut self, endpoint: Arc<str>, reason: Reason, at: Instant) -> Option<Event> {
        let longest = self.policy.ejection_jitter;
        let jitter = chance::between(&mut *self.rng, Duration::ZERO, longest);
        let until = self
            .hosts
            .get_mut(&endpoint)?
            .eject(at, jitter, &self.policy);
        self.counters.ejections = self.counters.ejections.saturating_add(1);
        Some(Event::Ejected {
            endpoint,
            reason,
            at,
            until,
        })
    }

    fn is_enforced(&mut self, reason: &Reason) -> bool {
        let policy = &self.policy;
        let percent = match reason {
            Reason::ServerErrors => policy.server_errors.enforced,
            Reason::GatewayFailures => policy.gateway_failures.enforced,
            Reason::LocalFailures => policy.local_failures.enforced,
            Reason::SuccessRate { .. } => policy.success_rate.enforced,
            Reason::FailurePercentage { .. } => policy.failure_percentage.enforced,
        };
        match percent {
            0 => false,
            100 => true,
            _ => chance::below(&mut *self.rng, 100) < u64::from(percent),
        }
    }

    /// Who did too badly in the interval that is over, by peers first, then absolutely; of each the worst
    /// first (of equals by name), so that the cap spares the better ones.
    fn outliers(&self) -> Vec<(Arc<str>, Reason)> {
        let mut outliers = self.worse_than_peers();
        outliers.extend(self.failing_too_often());
        outliers
    }

    fn worse_than_peers(&self) -> Vec<(Arc<str>, Reason)> {
        let law = &self.policy.success_rate;
        let mut rates = self.rates(law.request_volume, law.minimum_hosts);
        let Some(peers) = Peers::of(&rates, law.deviations) else {
            return Vec::new();
        };
        rates.retain(|&(_, rate)| rate < peers.threshold);
        let reason = |rate| Reason::SuccessRate { rate, peers };
        rates
            .into_iter()
            .map(|(endpoint, rate)| (endpoint, reason(rate)))
            .collect()
    }

    fn failing_too_often(&self) -> Vec<(Arc<str>, Reason)> {
        let law = &self.policy.failure_percentage;
        let mut rates = self.rates(law.request_volume, law.minimum_hosts);
        rates.retain(|&(_, rate)| 100.0 - rate >= f64::from(law.threshold));
        let reason = |rate| Reason::FailurePercentage {
            failures: 100.0 - rate,
        };
        rates
            .into_iter()
            .map(|(endpoint, rate)| (endpoint, reason(rate)))
            .collect()
    }

    /// The rates of those that are in and had enough calls, the worst first; nobody if these are too few.
    fn rates(&self, volume: u64, minimum_hosts: u32) -> Vec<(Arc<str>, f64)> {
        let inside = self.hosts.iter().filter(|(_, host)| !host.is_ejected());
        let mut rates: Vec<_> = inside
            .filter_map(|(endpoint, host)| Some((endpoint.clone(), host.past().rate(volume)?)))
            .collect();
        if rates.len() < minimum_hosts as usize {
            rates.clear();
        }
        rates.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        rates
    }
}

impl std::fmt::Debug for Outliers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outliers")
            .field("hosts", &self.hosts)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
