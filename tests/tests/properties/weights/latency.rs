//! Peak EWMA with failures, hints and idle endpoints, a second time.

use super::*;
use windtunnel_models::balance::load::{PeakEwma, PeakEwmaPolicy};

const TAU: f64 = 10e9;
const DEFAULT: f64 = 1e9;

#[derive(Clone)]
struct Latency {
    name: Name,
    estimate: f64,
    updated: Instant,
    heard: Instant,
}

impl Latency {
    fn sample(&mut self, sample: f64) {
        let passed = self.updated.elapsed().as_nanos() as f64;
        self.estimate = if sample > self.estimate {
            sample
        } else {
            let old = libm::exp(-passed / TAU);
            self.estimate * old + sample * (1.0 - old)
        };
        self.updated = Instant::now();
    }

    fn cost(&mut self, pending: usize) -> f64 {
        self.sample(0.0);
        let silent = self.heard.elapsed().as_nanos() as f64 > TAU;
        let estimate = match silent && pending > 0 {
            true => self.estimate.max(DEFAULT),
            false => self.estimate,
        };
        estimate * (pending + 1) as f64
    }
}

#[derive(Clone)]
struct Peak {
    members: Vec<Latency>,
    rng: ChaCha8Rng,
}

impl Law for Peak {
    type Tested = PeakEwma;

    fn update(&mut self, endpoints: &[Endpoint], _: &Loads<'_>) {
        let each = endpoints.iter().map(|endpoint| {
            let known = self.members.iter().find(|m| m.name == endpoint.name);
            known.cloned().unwrap_or_else(|| Latency {
                name: endpoint.name.clone(),
                estimate: DEFAULT,
                updated: Instant::now(),
                heard: Instant::now(),
            })
        });
        self.members = each.collect();
    }

    fn pick(&mut self, may: &May<'_>, loads: &Loads<'_>) -> Option<Name> {
        let able: Vec<usize> = (0..self.members.len())
            .filter(|at| may(&self.members[*at].name))
            .collect();
        if able.len() < 2 {
            return able.first().map(|at| self.members[*at].name.clone());
        }
        let (one, two) = distinct(&mut self.rng, able.len());
        let mut cost = |at: usize| {
            let member = &mut self.members[able[at]];
            let load = loads(&member.name);
            member.cost(load)
        };
        let chosen = if cost(two) < cost(one) { two } else { one };
        Some(self.members[able[chosen]].name.clone())
    }

    /// What was looked at decayed, and what was drawn was drawn.
    fn taken_back(self, after: Self) -> Self {
        after
    }

    fn ended(&mut self, name: &str, began: Instant, outcome: Outcome) {
        let mut members = self.members.iter_mut();
        let member = members.find(|m| *m.name == *name).expect("it is there");
        let took = began.elapsed().as_nanos() as f64;
        let sample = match outcome {
            Outcome::Success => took,
            Outcome::Failure { patience } => match patience.map(|hint| hint.as_nanos() as f64) {
                None | Some(0.0) => 5e9,
                Some(hint) => hint.min(300e9),
            },
            Outcome::Cancelled => {
                member.sample(0.0);
                if took <= member.estimate {
                    return;
                }
                took
            }
        };
        member.sample(sample);
        member.heard = Instant::now();
    }
}

#[test]
fn random_operations_keep_peak_ewma_to_its_law() {
    holds(|| {
        let policy = PeakEwmaPolicy::default();
        let tested = PeakEwma::new(&[], policy, rng()).expect("it can be meant");
        let members = Vec::new();
        (
            tested,
            Peak {
                members,
                rng: rng(),
            },
        )
    });
}
