//! Edge cases of an endpoint that asks for less.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);
const BUSY: Outcome = Outcome::Throttled { patience: None };

fn machine(policy: Policy, now: Instant) -> Machine {
    Machine::new(policy, ChaCha8Rng::seed_from_u64(1), now).unwrap()
}

fn calls(machine: &mut Machine, count: u32, outcome: Outcome, now: Instant) {
    for _ in 0..count {
        let ticket = machine.admit(now).unwrap();
        machine.report(ticket, outcome, now);
    }
}

const fn patience(time: Duration) -> Outcome {
    Outcome::Throttled {
        patience: Some(time),
    }
}

fn remaining(machine: &mut Machine, now: Instant) -> Duration {
    machine.admit(now).unwrap_err().retry_after().unwrap()
}

fn in_ratio() -> Policy {
    Policy::linkerd(0.5, 10, 10 * SECOND)
}

#[test]
fn however_often_it_asks_for_patience_it_is_not_taken_for_dead() {
    let t = Instant::now();
    for policy in [Policy::default(), Policy::resilience4j(), Policy::polly()] {
        let mut machine = machine(policy, t);
        calls(&mut machine, 500, patience(SECOND), t);
        assert_eq!(machine.state(t), State::Closed);
        assert_eq!(machine.counts(t).failures, 0);
    }
}

#[test]
fn in_the_ratio_it_counts_against_the_endpoint_but_in_no_streak() {
    let t = Instant::now();
    let mut machine = machine(in_ratio(), t);
    calls(&mut machine, 6, Outcome::Failure, t);
    // It lives: the streak of six is over.
    calls(&mut machine, 1, BUSY, t);
    assert_eq!(machine.counts(t).consecutive_failures, 0);
    calls(&mut machine, 2, BUSY, t);
    assert_eq!(machine.state(t), State::Closed);
    calls(&mut machine, 1, BUSY, t);
    assert_eq!(machine.state(t), State::Open, "none of ten succeeded");
}

#[test]
fn a_throttled_trial_fails_or_gives_its_slot_back_as_the_policy_says() {
    let t = Instant::now();
    let later = t + 120 * SECOND;
    let mut strict = machine(in_ratio(), t);
    calls(&mut strict, 7, Outcome::Failure, t);
    calls(&mut strict, 1, BUSY, later);
    assert_eq!(strict.state(later), State::Open);
    let mut lenient = machine(Policy::default(), t);
    calls(&mut lenient, 6, Outcome::Failure, t);
    calls(&mut lenient, 1, BUSY, later);
    assert_eq!(lenient.state(later), State::HalfOpen);
    calls(&mut lenient, 1, Outcome::Success, later);
    assert_eq!(lenient.state(later), State::Closed);
}

#[test]
fn an_open_time_is_at_least_what_was_asked_for_and_at_most_its_own_maximum() {
    let t = Instant::now();
    let policy = Policy {
        open: OpenTime::doubling(2 * SECOND, 30 * SECOND, 0.0),
        ..Policy::default()
    };
    for (asked, stays) in [(1, 2), (20, 20), (3600, 30)] {
        let mut machine = machine(policy.clone(), t);
        calls(&mut machine, 1, patience(SECOND * asked), t);
        // A shorter wish after a longer one shortens nothing.
        calls(&mut machine, 1, patience(TICK), t);
        calls(&mut machine, 6, Outcome::Failure, t);
        assert_eq!(remaining(&mut machine, t), stays * SECOND, "{asked} s");
        assert_eq!(machine.state(t + stays * SECOND), State::Open);
        assert_eq!(machine.state(t + stays * SECOND + TICK), State::HalfOpen);
    }
    let mut machine = machine(policy, t);
    calls(&mut machine, 1, patience(Duration::MAX), t);
    // What was asked for counts from when it was asked.
    calls(&mut machine, 6, Outcome::Failure, t + 10 * SECOND);
    assert_eq!(remaining(&mut machine, t + 10 * SECOND), 20 * SECOND);
}

#[test]
fn a_failed_trial_heeds_what_it_was_asked() {
    let t = Instant::now();
    let policy = Policy {
        open: OpenTime::doubling(SECOND, 60 * SECOND, 0.0),
        ..in_ratio()
    };
    let mut machine = machine(policy, t);
    calls(&mut machine, 7, Outcome::Failure, t);
    let t = t + 2 * SECOND;
    calls(&mut machine, 1, patience(40 * SECOND), t);
    assert_eq!(remaining(&mut machine, t), 40 * SECOND);
}

#[test]
fn recovery_forgets_what_was_asked_for() {
    let t = Instant::now();
    let policy = Policy {
        open: OpenTime::doubling(SECOND, 60 * SECOND, 0.0),
        ..Policy::default()
    };
    let mut machine = machine(policy, t);
    calls(&mut machine, 6, Outcome::Failure, t);
    let t = t + 2 * SECOND;
    calls(&mut machine, 1, patience(40 * SECOND), t);
    calls(&mut machine, 1, Outcome::Success, t);
    assert_eq!(machine.state(t), State::Closed);
    calls(&mut machine, 6, Outcome::Failure, t);
    assert_eq!(remaining(&mut machine, t), SECOND);
}

#[test]
fn a_wish_from_before_the_trip_that_comes_late_is_not_heard() {
    let t = Instant::now();
    let policy = Policy {
        open: OpenTime::doubling(SECOND, 60 * SECOND, 0.0),
        ..in_ratio()
    };
    let mut machine = machine(policy, t);
    let late = machine.admit(t).unwrap();
    calls(&mut machine, 7, Outcome::Failure, t);
    machine.report(late, patience(50 * SECOND), t);
    assert_eq!(remaining(&mut machine, t), SECOND);
    assert_eq!(machine.state(t + SECOND + TICK), State::HalfOpen);
}
