//! Edge cases of what an operator sets by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_nanos(1);

fn machine(now: Instant) -> Machine {
    let rng = ChaCha8Rng::seed_from_u64(1);
    Machine::new(Policy::default(), rng, now).unwrap()
}

fn calls(machine: &mut Machine, count: u32, outcome: Outcome, now: Instant) {
    for _ in 0..count {
        let ticket = machine.admit(now).unwrap();
        machine.report(ticket, outcome, now);
    }
}

fn steps(changes: &[Change]) -> Vec<(State, State)> {
    changes.iter().map(|c| (c.from, c.to)).collect()
}

#[test]
fn a_breaker_held_open_stays_so_whatever_time_and_late_results_say() {
    let t = Instant::now();
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Excluded] {
        let mut machine = machine(t);
        let flying = machine.admit(t).unwrap();
        machine.isolate(t);
        machine.report(flying, outcome, t);
        let later = t + 1000 * MINUTE;
        assert_eq!(machine.state(later), State::ForcedOpen);
        assert_eq!(machine.admit(later), Err(Rejected::ForcedOpen));
        assert_eq!(Rejected::ForcedOpen.retry_after(), None);
    }
}

#[test]
fn a_disabled_breaker_lets_all_through_and_counts_nothing() {
    let t = Instant::now();
    let mut machine = machine(t);
    machine.disable(t);
    let flying = machine.admit(t).unwrap();
    calls(&mut machine, 100, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Disabled);
    assert_eq!(machine.counts(t), Counts::default());
    machine.reset(t);
    machine.report(flying, Outcome::Failure, t);
    assert_eq!(machine.counts(t), Counts::default());
}

#[test]
fn a_reset_closes_forgets_and_begins_with_the_first_open_time() {
    let t = Instant::now();
    let policy = Policy {
        open: OpenTime::doubling(MINUTE, 10 * MINUTE, 0.0),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, ChaCha8Rng::seed_from_u64(1), t).unwrap();
    calls(&mut machine, 6, Outcome::Failure, t);
    calls(&mut machine, 1, Outcome::Failure, t + MINUTE + TICK);
    let trial = t + 4 * MINUTE;
    let flying = machine.admit(trial).unwrap();
    machine.reset(trial);
    machine.report(flying, Outcome::Failure, trial);
    assert_eq!(machine.state(trial), State::Closed);
    assert_eq!(machine.counts(trial), Counts::default());
    calls(&mut machine, 6, Outcome::Failure, trial);
    let remaining = machine.admit(trial).unwrap_err().retry_after();
    assert_eq!(remaining, Some(MINUTE));
}

#[test]
fn a_reset_of_a_closed_breaker_is_no_change_but_a_new_generation() {
    let t = Instant::now();
    let mut machine = machine(t);
    calls(&mut machine, 5, Outcome::Failure, t);
    let flying = machine.admit(t).unwrap();
    machine.reset(t);
    assert_eq!(machine.take_changes(), []);
    machine.report(flying, Outcome::Failure, t);
    assert_eq!(machine.counts(t).failures, 0);
}

#[test]
fn one_that_only_measures_tells_what_it_would_have_done_and_does_nothing() {
    use State::{Closed, HalfOpen, MetricsOnly, Open};
    let t = Instant::now();
    let mut machine = machine(t);
    machine.only_measure(t);
    calls(&mut machine, 6, Outcome::Failure, t);
    assert_eq!(machine.state(t), MetricsOnly);
    assert_eq!(machine.lawful_state(t), Open);
    let tolerated = machine.admit(t).unwrap();
    let remaining = MINUTE;
    assert_eq!(
        tolerated.would_have_been(),
        Some(Rejected::Open { remaining })
    );
    // What would not have been called proves nothing about the law.
    let trial = t + MINUTE + TICK;
    assert_eq!(machine.lawful_state(trial), HalfOpen);
    machine.report(tolerated, Outcome::Failure, trial);
    assert_eq!(machine.lawful_state(trial), HalfOpen);
    calls(&mut machine, 1, Outcome::Success, trial);
    let would_have = machine.take_would_have();
    let life = [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)];
    assert_eq!(steps(&would_have), life);
    assert_eq!(steps(&machine.take_changes()), [(Closed, MetricsOnly)]);
}

#[test]
fn every_switch_is_told_with_the_state_that_was_seen_before() {
    use State::{Closed, Disabled, ForcedOpen, MetricsOnly, Open};
    let t = Instant::now();
    let mut machine = machine(t);
    calls(&mut machine, 6, Outcome::Failure, t);
    machine.isolate(t);
    machine.isolate(t);
    machine.disable(t);
    machine.only_measure(t);
    calls(&mut machine, 6, Outcome::Failure, t);
    machine.reset(t);
    let told = machine.take_changes();
    let all = [
        (Closed, Open),
        (Open, ForcedOpen),
        (ForcedOpen, Disabled),
        (Disabled, MetricsOnly),
        (MetricsOnly, Closed),
    ];
    assert_eq!(steps(&told), all);
}

#[test]
fn changes_nobody_asks_for_are_kept_up_to_a_bound() {
    let t = Instant::now();
    let mut machine = machine(t);
    for step in 1..=1_000 {
        let now = t + step * 2 * MINUTE;
        calls(&mut machine, 6, Outcome::Failure, now);
        calls(&mut machine, 1, Outcome::Success, now + MINUTE + TICK);
    }
    let kept = machine.take_changes();
    assert_eq!(kept.len(), 1_000);
    let last = kept.last().unwrap();
    assert_eq!((last.from, last.to), (State::HalfOpen, State::Closed));
}

/// Notes what it is told, with a word for the kind.
#[derive(Default)]
struct Notes(Mutex<Vec<&'static str>>);

impl Notes {
    fn note(&self, word: &'static str) {
        self.0.lock().unwrap().push(word);
    }
}

impl Observer for Notes {
    fn changed(&self, _: &str, _: &Change) {
        self.note("changed");
    }

    fn rejected(&self, _: &str, _: &Rejected) {
        self.note("rejected");
    }

    fn would_have_changed(&self, _: &str, _: &Change) {
        self.note("would have changed");
    }

    fn would_have_rejected(&self, _: &str, _: &Rejected) {
        self.note("would have rejected");
    }
}

#[tokio::test(start_paused = true)]
async fn observers_hear_apart_what_happened_and_what_would_have() {
    let notes = Arc::new(Notes::default());
    let rng = ChaCha8Rng::seed_from_u64(1);
    let breaker = Breaker::new("a", Policy::default(), rng, notes.clone()).unwrap();
    breaker.only_measure();
    for _ in 0..7 {
        breaker.admit().unwrap().report(Outcome::Failure);
    }
    breaker.isolate();
    assert!(breaker.admit().is_err());
    let told = [
        "changed",
        "would have changed",
        "would have rejected",
        "changed",
        "rejected",
    ];
    assert_eq!(*notes.0.lock().unwrap(), told);
    let totals = breaker.totals();
    assert_eq!((totals.admitted, totals.would_have_refused), (7, 1));
    assert_eq!((totals.failed, totals.refused), (7, 1));
}
