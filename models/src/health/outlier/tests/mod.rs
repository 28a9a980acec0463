//! What the detector promises.

mod cap;
mod gate;
mod rates;
mod stay;
mod streaks;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;
use crate::health::InvalidPolicy;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn names(count: usize) -> Vec<Arc<str>> {
    (0..count).map(|n| format!("{n:03}").into()).collect()
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered(StatusCode::from_u16(status).unwrap())
}

/// A machine, the instant it is looked at, and what happened.
struct Bench {
    machine: Outliers,
    now: Instant,
    events: Vec<Event>,
}

impl Bench {
    fn new(hosts: usize, policy: Policy) -> Self {
        let now = Instant::now();
        let mut machine = Outliers::new(policy, rng(), now).unwrap();
        machine.update(&names(hosts), now);
        Self {
            machine,
            now,
            events: Vec::new(),
        }
    }

    fn report(&mut self, host: usize, outcome: Outcome, times: usize) {
        for _ in 0..times {
            let name = &names(host + 1)[host];
            let events = self.machine.report(name, outcome, self.now);
            self.events.extend(events);
        }
    }

    /// So many calls in percent succeed, of 100.
    fn rate(&mut self, host: usize, percent: usize) {
        self.report(host, answered(500), 100 - percent);
        self.report(host, answered(200), percent);
    }

    fn sweep_after(&mut self, pause: Duration) {
        self.now += pause;
        let events = self.machine.sweep(self.now);
        self.events.extend(events);
    }

    fn is_ejected(&self, host: usize) -> bool {
        self.machine.is_ejected(&names(host + 1)[host])
    }

    fn ejections(&self, host: usize) -> u32 {
        let suspicion = self.machine.suspicion(&names(host + 1)[host]);
        suspicion.unwrap().ejections
    }
}

/// All may be out, and only streaks of 5xx put them there.
fn streaks_only() -> Policy {
    let mut policy = Policy {
        max_ejection_percent: 100,
        ..Policy::default()
    };
    policy.success_rate.enforced = 0;
    policy
}

/// All may be out, and only rates put them there.
fn rates_only() -> Policy {
    let mut policy = streaks_only();
    policy.server_errors.threshold = u32::MAX;
    policy.success_rate.enforced = 100;
    policy
}
