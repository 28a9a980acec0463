//! Random reports, sweeps and changes of the set never bring outlier detection out of its law, and a dead
//! node leaves within the bound that active checks state.

mod checks;
mod model;

use crate::fixed;
use http::StatusCode;
use model::{Model, Seen};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use windtunnel_models::health::outlier::{
    Consecutive, Event, FailurePercentage, Local, Outcome, Outliers, Policy, SuccessRate,
};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const MS: Duration = Duration::from_millis(1);

/// What happens to a detector.
#[derive(Clone, Debug)]
enum Operation {
    /// So many calls to one endpoint end alike.
    Report(usize, Outcome, usize),
    /// Time passes, or steps back.
    Pass(i64),
    Sweep,
    /// The set becomes those of this mask.
    Update(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    let status = |status| Outcome::Answered(StatusCode::from_u16(status).expect("a status"));
    let outcome = prop_oneof![
        4 => Just(status(200)),
        3 => Just(status(500)),
        2 => Just(status(503)),
        1 => Just(Outcome::Failed(Local::Connect)),
        1 => Just(Outcome::Cancelled),
    ];
    prop_oneof![
        12 => (0..NAMES.len(), outcome, 1..=4usize)
            .prop_map(|(host, outcome, times)| Operation::Report(host, outcome, times)),
        3 => (-1..=6i64).prop_map(|halves| Operation::Pass(halves * 500)),
        1 => (-1..=1i64).prop_map(Operation::Pass),
        3 => Just(Operation::Sweep),
        1 => any::<u8>().prop_map(Operation::Update),
    ]
}

fn enforced() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(100u32), 1 => Just(0u32)]
}

fn consecutive() -> impl Strategy<Value = Consecutive> {
    (1..=5u32, enforced()).prop_map(|(threshold, enforced)| Consecutive {
        threshold,
        enforced,
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let times = (1..=3u32, 1..=4u32, 1..=4u32, 0..=2u32);
    let cap = (
        prop_oneof![
            Just(0u32),
            Just(10),
            Just(25),
            Just(34),
            Just(50),
            Just(100)
        ],
        any::<bool>(),
    );
    let streaks = (consecutive(), consecutive(), consecutive(), any::<bool>());
    let volume = 1..=4u64;
    let rate = (1..=5u32, volume.clone(), 1..=4u32, enforced());
    let percentage = (1..=5u32, volume, 1..=100u32, enforced());
    (times, cap, streaks, rate, percentage).prop_map(|(times, cap, streaks, rate, percentage)| {
        let (interval, base, most, jitter) = times;
        Policy {
            interval: interval * 1000 * MS,
            base_ejection: base * 1000 * MS,
            max_ejection: base * most * 1000 * MS,
            ejection_jitter: jitter * 1000 * MS,
            max_ejection_percent: cap.0,
            always_eject_one: cap.1,
            server_errors: streaks.0,
            gateway_failures: streaks.1,
            local_failures: streaks.2,
            split_local_origin: streaks.3,
            success_rate: SuccessRate {
                minimum_hosts: rate.0,
                request_volume: rate.1,
                deviations: f64::from(rate.2) * 0.5,
                enforced: rate.3,
            },
            failure_percentage: FailurePercentage {
                minimum_hosts: percentage.0,
                request_volume: percentage.1,
                threshold: percentage.2,
                enforced: percentage.3,
            },
            active_success_returns: false,
        }
    })
}

/// A detector, the model of it, and the clock of both; the clock steps back, the latest instant does not.
struct Bench {
    policy: Policy,
    machine: Outliers,
    model: Model,
    clock: Instant,
}

fn names(mask: u8) -> Vec<Arc<str>> {
    let chosen = (0..NAMES.len()).filter(|bit| mask & (1 << bit) != 0);
    chosen.map(|bit| NAMES[bit].into()).collect()
}

impl Bench {
    fn new(policy: Policy, members: u8) -> Self {
        let clock = Instant::now() + Duration::from_secs(3600);
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut machine = Outliers::new(policy, rng, clock).expect("the policy can be meant");
        machine.update(&names(members), clock);
        let mut model = Model::new(policy, clock);
        model.update(&names(members), clock);
        Self {
            policy,
            machine,
            model,
            clock,
        }
    }

    fn apply(&mut self, operation: &Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Report(host, outcome, times) => {
                for _ in 0..*times {
                    let name = NAMES[*host];
                    let events = self.machine.report(name, *outcome, self.clock);
                    self.model.report(name, *outcome, self.clock);
                    self.compare(&events)?;
                }
            }
            Operation::Pass(by) if *by < 0 => self.clock -= by.unsigned_abs() as u32 * MS,
            Operation::Pass(by) => self.clock += *by as u32 * MS,
            Operation::Sweep => self.sweep()?,
            Operation::Update(mask) => {
                self.machine.update(&names(*mask), self.clock);
                self.model.update(&names(*mask), self.clock);
            }
        }
        self.agree()
    }

    fn sweep(&mut self) -> Result<(), TestCaseError> {
        let events = self.machine.sweep(self.clock);
        self.model.sweep(self.clock);
        self.compare(&events)
    }

    /// The same happened, the cap was kept, and ejections last as long as they have to.
    fn compare(&mut self, events: &[Event]) -> Result<(), TestCaseError> {
        let expected = self.model.take_seen();
        prop_assert_eq!(events.len(), expected.len(), "{:?} {:?}", events, expected);
        for (event, seen) in events.iter().zip(expected) {
            match (event, &seen) {
                (
                    Event::Ejected {
                        endpoint,
                        at,
                        until,
                        ..
                    },
                    Seen::Ejected {
                        name,
                        lasts,
                        out,
                        of,
                    },
                ) => {
                    prop_assert_eq!(&**endpoint, &**name);
                    let longest = *lasts + self.policy.ejection_jitter;
                    prop_assert!((*lasts..=longest).contains(&(*until - *at)), "{:?}", event);
                    self.model.drew(name, *until);
                    let share = 100 * out <= self.policy.max_ejection_percent as usize * of;
                    let only = self.policy.always_eject_one && *out == 1;
                    prop_assert!(share || only, "{} of {} are out", out, of);
                }
                (Event::Returned { endpoint, .. }, Seen::Returned { name }) => {
                    prop_assert_eq!(&**endpoint, &**name);
                }
                (
                    Event::Spared {
                        endpoint, mercy, ..
                    },
                    Seen::Spared { name, capped },
                ) => {
                    let got = (&**endpoint, format!("{mercy:?}") == "Cap");
                    prop_assert_eq!(got, (&**name, *capped));
                }
                _ => prop_assert!(false, "{:?} instead of {:?}", event, seen),
            }
        }
        Ok(())
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        for name in NAMES {
            let expected = self.model.is_ejected(name);
            prop_assert_eq!(self.machine.is_ejected(name), expected, "{}", name);
        }
        let c = self.machine.counters();
        prop_assert_eq!(c.reports, c.ok + c.failed + c.cancelled + c.unknown);
        let out = self.machine.ejected() as u64;
        prop_assert_eq!(c.ejections, c.returns + c.left + out);
        Ok(())
    }

    /// Nothing fails any more, and sweeps come when they are due: everybody is back in bounded time.
    fn recovers(&mut self) -> Result<(), TestCaseError> {
        self.clock = self.model.latest();
        // What failed before the first sweep may still eject at it.
        self.clock = self.clock.max(self.machine.next_sweep());
        self.sweep()?;
        let longest = self.policy.max_ejection + self.policy.ejection_jitter;
        let bound = self.clock + longest + self.policy.interval;
        while self.machine.next_sweep() <= bound {
            self.clock = self.machine.next_sweep();
            self.sweep()?;
            self.agree()?;
        }
        prop_assert_eq!(self.machine.ejected(), 0);
        Ok(())
    }
}

#[test]
fn random_calls_eject_and_return_by_the_law_within_the_cap_and_everybody_comes_back() {
    let cases = (policy(), any::<u8>(), vec(operation(), 1..120));
    let outcome = fixed::runner(2_000, 10_000).run(&cases, |(policy, members, operations)| {
        let mut bench = Bench::new(policy, members);
        operations.iter().try_for_each(|step| bench.apply(step))?;
        bench.recovers()
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
