//! go-zero's choice by lag and success, a second time.

use super::*;
use windtunnel_models::balance::load::{PowerOfTwoEwma, PowerOfTwoEwmaPolicy};

#[derive(Clone)]
struct Record {
    name: Name,
    lag: u64,
    success: u64,
    last: Option<Instant>,
    pick: Option<Instant>,
}

#[derive(Clone)]
struct Chosen {
    members: Vec<Record>,
    rng: ChaCha8Rng,
}

impl Law for Chosen {
    type Tested = PowerOfTwoEwma;

    fn update(&mut self, endpoints: &[Endpoint], _: &Loads<'_>) {
        let each = endpoints.iter().map(|endpoint| {
            let known = self.members.iter().find(|m| m.name == endpoint.name);
            known.cloned().unwrap_or_else(|| Record {
                name: endpoint.name.clone(),
                lag: 0,
                success: 1000,
                last: None,
                pick: None,
            })
        });
        self.members = each.collect();
    }

    fn pick(&mut self, may: &May<'_>, loads: &Loads<'_>) -> Option<Name> {
        let able: Vec<usize> = (0..self.members.len())
            .filter(|at| may(&self.members[*at].name))
            .collect();
        let (one, two) = match able.len() {
            0 => return None,
            1 => (0, 0),
            2 => (0, 1),
            count => {
                let healthy = |at: usize| self.members[able[at]].success > 500;
                let mut draws = 0;
                loop {
                    draws += 1;
                    let (one, two) = distinct(&mut self.rng, count);
                    if draws == 3 || healthy(one) && healthy(two) {
                        break (one, two);
                    }
                }
            }
        };
        let (one, two) = (able[one], able[two]);
        let load = |at: usize| {
            let record = &self.members[at];
            ((record.lag + 1) as f64).sqrt() as u64 * (loads(&record.name) as u64 + 1)
        };
        let (cheap, dear) = if load(one) > load(two) {
            (two, one)
        } else {
            (one, two)
        };
        let second = Duration::from_secs(1);
        let forced = self.members[dear]
            .pick
            .is_none_or(|at| at.elapsed() > second);
        let record = &mut self.members[if forced { dear } else { cheap }];
        record.pick = Some(Instant::now());
        Some(record.name.clone())
    }

    fn taken_back(self, after: Self) -> Self {
        Self {
            rng: after.rng,
            ..self
        }
    }

    fn ended(&mut self, name: &str, began: Instant, outcome: Outcome) {
        let success = match outcome {
            Outcome::Success => 1000.0,
            Outcome::Failure { .. } => 0.0,
            Outcome::Cancelled => return,
        };
        let mut members = self.members.iter_mut();
        let record = members.find(|m| *m.name == *name).expect("it is there");
        let passed = record
            .last
            .map_or(f64::INFINITY, |last| last.elapsed().as_nanos() as f64);
        let old = match record.lag {
            0 => 0.0,
            _ => libm::exp(-passed / 10e9),
        };
        let lag = began.elapsed().as_nanos() as f64;
        record.lag = (record.lag as f64 * old + lag * (1.0 - old)) as u64;
        record.success = (record.success as f64 * old + success * (1.0 - old)) as u64;
        record.last = Some(Instant::now());
    }
}

#[test]
fn random_operations_keep_power_of_two_ewma_as_go_zero_has_it() {
    holds(|| {
        let policy = PowerOfTwoEwmaPolicy::default();
        let tested = PowerOfTwoEwma::new(&[], policy, rng()).expect("it can be meant");
        let members = Vec::new();
        (
            tested,
            Chosen {
                members,
                rng: rng(),
            },
        )
    });
}
