//! Outlier detection as plain as can be: it keeps every call and counts anew at each look.

use Call::{GatewayFailure, Good, Local, ServerError};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;
use windtunnel_models::health::outlier::{Consecutive, Outcome, Policy};

/// What should have happened.
#[derive(Clone, Debug)]
pub enum Seen {
    Ejected {
        name: String,
        /// Without the jitter.
        lasts: Duration,
        /// How many are out then, of how many.
        out: usize,
        of: usize,
    },
    Returned {
        name: String,
    },
    Spared {
        name: String,
        capped: bool,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum Call {
    Good,
    ServerError,
    GatewayFailure,
    /// Of our side, and split.
    Local,
}

#[derive(Default)]
struct Host {
    /// Since it was ejected or returned last, each with the streaks that it has ended by reaching.
    calls: Vec<(Call, [bool; 3])>,
    interval: Vec<bool>,
    ejections: u32,
    until: Option<Instant>,
    returned: Option<Instant>,
}

/// How many of the last calls belong to a streak: those that `go_on` until one that ends it, others are
/// passed over; a streak that was reached does not count again.
fn streak(calls: &[(Call, [bool; 3])], number: usize, ends: &[Call], goes_on: &[Call]) -> u32 {
    let mut length = 0;
    for (call, reached) in calls.iter().rev() {
        if ends.contains(call) || reached[number] {
            break;
        }
        length += u32::from(goes_on.contains(call));
    }
    length
}

pub struct Model {
    policy: Policy,
    hosts: BTreeMap<String, Host>,
    latest: Instant,
    seen: Vec<Seen>,
}

impl Model {
    pub fn new(policy: Policy, now: Instant) -> Self {
        Self {
            policy,
            hosts: BTreeMap::new(),
            latest: now,
            seen: Vec::new(),
        }
    }

    pub fn latest(&self) -> Instant {
        self.latest
    }

    pub fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    pub fn is_ejected(&self, name: &str) -> bool {
        self.hosts
            .get(name)
            .is_some_and(|host| host.until.is_some())
    }

    /// The jitter that was drawn is not known before.
    pub fn drew(&mut self, name: &str, until: Instant) {
        self.hosts.get_mut(name).expect("it was ejected").until = Some(until);
    }

    pub fn update(&mut self, names: &[Arc<str>], now: Instant) {
        self.latest = self.latest.max(now);
        self.hosts
            .retain(|host, _| names.iter().any(|name| **name == **host));
        for name in names {
            self.hosts.entry(name.to_string()).or_default();
        }
    }

    pub fn report(&mut self, name: &str, outcome: Outcome, now: Instant) {
        self.latest = self.latest.max(now);
        let policy = self.policy;
        let Some(host) = self.hosts.get_mut(name) else {
            return;
        };
        let call = match outcome {
            Outcome::Cancelled => return,
            Outcome::Failed(_) if policy.split_local_origin => Local,
            Outcome::Failed(_) => GatewayFailure,
            Outcome::Answered(status) if status == 503 => GatewayFailure,
            Outcome::Answered(status) if status == 500 => ServerError,
            Outcome::Answered(_) => Good,
        };
        host.interval.push(call == Good);
        if host.until.is_some() {
            return;
        }
        host.calls.push((call, [false; 3]));
        let laws: [(Consecutive, &[Call], &[Call]); 3] = [
            (
                policy.local_failures,
                &[Good, ServerError, GatewayFailure],
                &[Local],
            ),
            (
                policy.gateway_failures,
                &[Good, ServerError],
                &[GatewayFailure],
            ),
            (
                policy.server_errors,
                &[Good],
                &[ServerError, GatewayFailure],
            ),
        ];
        let mut reached = Vec::new();
        for (number, (law, ends, goes_on)) in laws.into_iter().enumerate() {
            let long_enough = streak(&host.calls, number, ends, goes_on) == law.threshold;
            if goes_on.contains(&call) && long_enough {
                reached.push(law.enforced);
                if let Some((_, mark)) = host.calls.last_mut() {
                    mark[number] = true;
                }
            }
        }
        for enforced in reached {
            self.judge(name, enforced);
        }
    }

    fn judge(&mut self, name: &str, enforced: u32) {
        let of = self.hosts.len();
        let out = 1 + self
            .hosts
            .values()
            .filter(|host| host.until.is_some())
            .count();
        let policy = self.policy;
        let host = self.hosts.get_mut(name).expect("it was looked at");
        if host.until.is_some() {
            return;
        }
        let name = name.to_owned();
        let share = 100.0 * out as f64 / of as f64;
        let capped = share > f64::from(policy.max_ejection_percent)
            && !(policy.always_eject_one && out == 1);
        if capped || enforced == 0 {
            self.seen.push(Seen::Spared { name, capped });
            return;
        }
        if policy.base_ejection * host.ejections < policy.max_ejection + policy.base_ejection {
            host.ejections += 1;
        }
        let lasts = policy
            .max_ejection
            .min(policy.base_ejection * host.ejections);
        host.until = Some(self.latest + lasts);
        host.calls.clear();
        self.seen.push(Seen::Ejected {
            name,
            lasts,
            out,
            of,
        });
    }

    pub fn sweep(&mut self, now: Instant) {
        self.latest = self.latest.max(now);
        let (now, interval) = (self.latest, self.policy.interval);
        for (name, host) in &mut self.hosts {
            match host.until {
                Some(until) if now < until => {}
                Some(_) => {
                    host.until = None;
                    host.returned = Some(now);
                    host.calls.clear();
                    self.seen.push(Seen::Returned { name: name.clone() });
                }
                None if host.returned.is_some_and(|at| at + interval > now) => {}
                None => host.ejections = host.ejections.saturating_sub(1),
            }
        }
        let mut rates = Vec::new();
        for (name, host) in &mut self.hosts {
            let calls = std::mem::take(&mut host.interval);
            let good = calls.iter().filter(|good| **good).count();
            if host.until.is_none() && !calls.is_empty() {
                let rate = 100.0 * good as f64 / calls.len() as f64;
                rates.push((rate, name.clone(), calls.len() as u64));
            }
        }
        // The worst first, of equals by name.
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.judge_among_peers(&rates);
        self.judge_failures(&rates);
    }

    fn judge_among_peers(&mut self, rates: &[(f64, String, u64)]) {
        let law = self.policy.success_rate;
        let enough = rates
            .iter()
            .filter(|(_, _, calls)| *calls >= law.request_volume);
        let enough: Vec<_> = enough.collect();
        let count = enough.len() as f64;
        if count < f64::from(law.minimum_hosts) || enough.iter().all(|e| e.0 == enough[0].0) {
            return;
        }
        let mean = enough.iter().map(|(rate, ..)| rate).sum::<f64>() / count;
        let variance = enough
            .iter()
            .map(|(rate, ..)| (rate - mean).powi(2))
            .sum::<f64>()
            / count;
        for (rate, name, _) in enough {
            if *rate < mean - law.deviations * variance.sqrt() {
                self.judge(name, law.enforced);
            }
        }
    }

    fn judge_failures(&mut self, rates: &[(f64, String, u64)]) {
        let law = self.policy.failure_percentage;
        let enough = rates
            .iter()
            .filter(|(_, _, calls)| *calls >= law.request_volume);
        let enough: Vec<_> = enough.collect();
        if enough.len() < law.minimum_hosts as usize {
            return;
        }
        for (rate, name, _) in enough {
            if 100.0 - rate >= f64::from(law.threshold) {
                self.judge(name, law.enforced);
            }
        }
    }
}
