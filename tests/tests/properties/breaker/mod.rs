//! Random operations never bring the breaker out of its law.
//!
//! The law stands twice: as a model that keeps every call and counts anew at each look, and as
//! sentences about what callers see, which need no model.

mod ladders;
mod model;

use crate::fixed;
use model::Model;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::time::Duration;
use tokio::time::Instant;
use windtunnel_models::breaker::{
    Machine, OpenTime, Outcome, Policy, Recovery, SlowCalls, State, Thresholds, Throttling, Ticket,
    Trip, Window,
};

const MS: Duration = Duration::from_millis(1);

/// What happens to a breaker.
#[derive(Clone, Debug)]
enum Operation {
    /// A caller asks.
    Ask,
    /// The call that is so far down the list of open ones ends.
    End(prop::sample::Index, Outcome),
    /// Time passes, or steps back.
    Pass(i64),
    /// An operator overrules the law; closed is a reset.
    Set(State),
}

fn operation() -> impl Strategy<Value = Operation> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Failure),
        2 => Just(Outcome::Success),
        1 => Just(Outcome::Excluded),
        1 => prop::option::of(0..=8u32).prop_map(|half| Outcome::Throttled {
            patience: half.map(|half| half * 500 * MS),
        }),
    ];
    let mode = prop_oneof![
        3 => Just(State::Closed),
        1 => Just(State::ForcedOpen),
        1 => Just(State::Disabled),
        2 => Just(State::MetricsOnly),
    ];
    prop_oneof![
        15 => Just(Operation::Ask),
        15 => (any::<prop::sample::Index>(), outcome).prop_map(|(i, o)| Operation::End(i, o)),
        // Whole and half seconds meet the edges of windows, which single milliseconds then straddle.
        6 => (0..=8i64).prop_map(|half| Operation::Pass(half * 500)),
        6 => (-2..=2i64).prop_map(Operation::Pass),
        1 => mode.prop_map(Operation::Set),
    ]
}

fn ratio() -> impl Strategy<Value = f64> {
    (1..=4u32).prop_map(|quarters| f64::from(quarters) / 4.0)
}

fn thresholds() -> impl Strategy<Value = Thresholds> {
    let slow = (1..=3u32, ratio()).prop_map(|(half, ratio)| SlowCalls {
        longer_than: half * 500 * MS,
        ratio,
    });
    let option = prop::option::of::<BoxedStrategy<f64>>;
    let ratios = (option(ratio().boxed()), option(ratio().boxed()));
    let others = (prop::option::of(1..=3u64), prop::option::of(slow));
    (1..=4u64, ratios, others).prop_map(
        |(minimum, (failed, succeeded), (failures_in_a_row, slow))| Thresholds {
            minimum,
            failures_in_a_row,
            failed,
            slow,
            succeeded,
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let window = prop_oneof![
        Just(Window::Forever),
        (1..=5u64).prop_map(Window::Calls),
        (1..=3u32).prop_map(|secs| Window::Fixed(secs * 1000 * MS)),
        (1..=5u32, 1..=2u32).prop_map(|(interval, bucket)| Window::Rolling {
            interval: interval * 1000 * MS,
            bucket: bucket * 500 * MS,
        }),
    ];
    let trip = prop_oneof![
        (0..=3u64).prop_map(|more_than| Trip::ConsecutiveFailures { more_than }),
        (1..=4u64, ratio()).prop_map(|(minimum, ratio)| Trip::FailureRatio { minimum, ratio }),
        thresholds().prop_map(Trip::Thresholds),
    ];
    let open = (1..=3u32, 1..=3u32, 1..=4u32).prop_map(|(base, growth, most)| OpenTime {
        base: base * 500 * MS,
        growth: f64::from(growth),
        max: base * most * 500 * MS,
        jitter: 0.0,
    });
    let recovery = prop_oneof![Just(Recovery::EveryTrial), Just(Recovery::Share)];
    let throttling = prop_oneof![Just(Throttling::Excluded), Just(Throttling::InRatio)];
    let trials = (1..=3u64, 1..=4u32, recovery);
    let policies = (trials, window, trip, throttling, open).prop_map(
        |((max_trials, timeout, recovery), window, trip, throttling, open)| Policy {
            max_trials,
            trial_timeout: timeout * 500 * MS,
            recovery,
            window,
            trip,
            throttling,
            open,
        },
    );
    policies.prop_filter("it can be meant", |policy| policy.validate().is_ok())
}

/// A breaker, its model, and what their callers hold.
struct Bench {
    policy: Policy,
    machine: Machine,
    model: Model,
    /// Open calls: the machine's ticket, the model's number, and when and in which state it began.
    calls: Vec<(Ticket, usize, u64, State)>,
    began: Instant,
    /// The clock, which may step back, and the latest instant seen, in milliseconds since it began.
    now: u64,
    latest: u64,
    opened: u64,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        // An hour, for a clock that steps back.
        let began = Instant::now() + Duration::from_secs(3600);
        let rng = ChaCha8Rng::seed_from_u64(0);
        Self {
            machine: Machine::new(policy.clone(), rng, began).expect("the policy can be meant"),
            model: Model::new(policy.clone()),
            policy,
            calls: Vec::new(),
            began,
            now: 0,
            latest: 0,
            opened: 0,
        }
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        let at = self.began + Duration::from_millis(self.now);
        match operation {
            Operation::Pass(by) => self.now = self.now.saturating_add_signed(by),
            Operation::Set(mode) => self.set(mode, at)?,
            Operation::Ask => self.ask(at)?,
            Operation::End(which, outcome) => {
                if !self.calls.is_empty() {
                    let (ticket, number, ..) =
                        self.calls.swap_remove(which.index(self.calls.len()));
                    self.machine.report(ticket, outcome, at);
                    let now = self.latest();
                    self.model.end(number, outcome, now);
                }
            }
        }
        self.compare()?;
        self.follow()?;
        self.keeps_its_trials_few()
    }

    fn set(&mut self, mode: State, at: Instant) -> Result<(), TestCaseError> {
        self.compare()?;
        self.follow()?;
        let before = self.machine.state(at);
        match mode {
            State::ForcedOpen => self.machine.isolate(at),
            State::Disabled => self.machine.disable(at),
            State::MetricsOnly => self.machine.only_measure(at),
            _ => self.machine.reset(at),
        }
        let now = self.latest();
        self.model.set(mode, now);
        // Nobody waits any more for what was under way.
        self.calls
            .iter_mut()
            .for_each(|call| call.3 = State::Closed);
        let told = self.machine.take_changes();
        let told: Vec<_> = told.iter().map(|change| (change.from, change.to)).collect();
        let expected = (before != mode).then_some((before, mode));
        prop_assert_eq!(told, Vec::from_iter(expected));
        Ok(())
    }

    fn latest(&mut self) -> u64 {
        self.latest = self.latest.max(self.now);
        self.latest
    }

    fn ask(&mut self, at: Instant) -> Result<(), TestCaseError> {
        let now = self.latest();
        let answer = self.machine.admit(at);
        let expected = self.model.ask(now);
        self.follow()?;
        match (answer, expected) {
            (Ok(ticket), Ok(number)) => {
                let state = self.machine.state(at);
                self.calls.push((ticket, number, now, state));
            }
            (answer, expected) => {
                prop_assert_eq!(answer.map(|_| ()), expected.map(|_| ()));
            }
        }
        Ok(())
    }

    /// Whatever the machine shows is what the model counts.
    fn compare(&mut self) -> Result<(), TestCaseError> {
        let at = self.began + Duration::from_millis(self.now);
        let now = self.latest();
        prop_assert_eq!(self.machine.state(at), self.model.state(now));
        let lawful = self.machine.lawful_state(at);
        prop_assert_eq!(lawful, self.model.lawful_state(now));
        prop_assert_eq!(self.machine.counts(at), self.model.counts(now));
        let would_have = self.machine.take_would_have();
        let would_have: Vec<_> = would_have.iter().map(|c| (c.from, c.to)).collect();
        prop_assert_eq!(would_have, std::mem::take(&mut self.model.would_have));
        Ok(())
    }

    /// Every change of state is one that the law knows, and no breaker tries again too early.
    fn follow(&mut self) -> Result<(), TestCaseError> {
        for change in self.machine.take_changes() {
            let at = change.at.saturating_duration_since(self.began).as_millis() as u64;
            match (change.from, change.to) {
                (State::Closed | State::HalfOpen, State::Open) => {
                    self.opened = at;
                    // From here on nobody waits for the trials there were.
                    self.calls
                        .iter_mut()
                        .for_each(|call| call.3 = State::Closed);
                }
                (State::Open, State::HalfOpen) => {
                    let stayed = Duration::from_millis(at - self.opened);
                    prop_assert!(stayed > self.policy.open.base, "open for {stayed:?} only");
                }
                (State::HalfOpen, State::Closed) => {}
                (from, to) => prop_assert!(false, "from {from:?} to {to:?}"),
            }
        }
        Ok(())
    }

    /// Never more trials than the limit, and none that hangs.
    fn keeps_its_trials_few(&mut self) -> Result<(), TestCaseError> {
        let at = self.began + Duration::from_millis(self.now);
        if self.machine.state(at) == State::HalfOpen {
            let trials = self.calls.iter().filter(|call| call.3 == State::HalfOpen);
            let begun: Vec<u64> = trials.map(|call| call.2).collect();
            prop_assert!(begun.len() as u64 <= self.policy.max_trials, "{begun:?}");
            for begun in begun {
                let hung = Duration::from_millis(self.latest - begun);
                prop_assert!(hung <= self.policy.trial_timeout, "a trial of {hung:?}");
            }
        }
        Ok(())
    }
}

#[test]
fn random_operations_keep_the_breaker_inside_its_law() {
    let cases = (policy(), vec(operation(), 1..120));
    let outcome = fixed::runner(3_000, 10_000).run(&cases, |(policy, operations)| {
        let mut bench = Bench::new(policy);
        operations
            .into_iter()
            .try_for_each(|step| bench.apply(step))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
