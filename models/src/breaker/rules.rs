//! Edge cases of the rules that open a breaker, and of the ones that close it again.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

fn machine(policy: Policy, now: Instant) -> Machine {
    Machine::new(policy, ChaCha8Rng::seed_from_u64(1), now).unwrap()
}

/// Calls of such a length, the last of which ends at the answer.
fn calls(
    machine: &mut Machine,
    count: u32,
    took: Duration,
    outcome: Outcome,
    now: Instant,
) -> Instant {
    (0..count).fold(now, |now, _| {
        let ticket = machine.admit(now).unwrap();
        machine.report(ticket, outcome, now + took);
        now + took
    })
}

fn at_once(machine: &mut Machine, count: u32, outcome: Outcome, now: Instant) {
    calls(machine, count, Duration::ZERO, outcome, now);
}

fn policy(window: Window, thresholds: Thresholds) -> Policy {
    Policy {
        window,
        trip: Trip::Thresholds(thresholds),
        ..Policy::default()
    }
}

fn slow(minimum: u64, ratio: f64) -> Thresholds {
    Thresholds {
        minimum,
        slow: Some(SlowCalls {
            longer_than: SECOND,
            ratio,
        }),
        ..Thresholds::default()
    }
}

#[test]
fn only_what_takes_longer_than_the_threshold_is_slow() {
    let t = Instant::now();
    let mut machine = machine(policy(Window::Forever, slow(4, 0.5)), t);
    let t = calls(&mut machine, 4, SECOND, Outcome::Success, t);
    assert_eq!(machine.counts(t).slow, 0);
    let t = calls(&mut machine, 3, SECOND + TICK, Outcome::Success, t);
    assert_eq!(machine.counts(t).slow, 3);
    assert_eq!(machine.state(t), State::Closed);
    // The fourth of eight: a call that went well opens it, because it was slow.
    let t = calls(&mut machine, 1, SECOND + TICK, Outcome::Success, t);
    assert_eq!(machine.state(t), State::Open);
}

#[test]
fn a_slow_failure_counts_in_both_ratios_and_a_slow_excluded_call_in_none() {
    let t = Instant::now();
    let mut machine = machine(policy(Window::Forever, slow(10, 1.0)), t);
    let t = calls(&mut machine, 1, 2 * SECOND, Outcome::Failure, t);
    let t = calls(&mut machine, 1, 2 * SECOND, Outcome::Excluded, t);
    let counts = machine.counts(t);
    assert_eq!((counts.failures, counts.slow, counts.exclusions), (1, 1, 1));
    assert_eq!(counts.ended(), 1);
}

#[test]
fn below_the_minimum_no_ratio_decides_but_a_streak_does() {
    let t = Instant::now();
    let thresholds = Thresholds {
        minimum: 10,
        failures_in_a_row: Some(7),
        failed: Some(0.1),
        slow: slow(1, 0.1).slow,
        succeeded: Some(0.9),
    };
    let mut machine = machine(policy(Window::Forever, thresholds), t);
    at_once(&mut machine, 1, Outcome::Success, t);
    let t = calls(&mut machine, 6, 2 * SECOND, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Closed);
    at_once(&mut machine, 1, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
}

#[test]
fn a_share_of_successes_opens_below_its_bound_and_not_at_it() {
    let t = Instant::now();
    let thresholds = Thresholds {
        minimum: 4,
        succeeded: Some(0.5),
        ..Thresholds::default()
    };
    let mut machine = machine(policy(Window::Forever, thresholds), t);
    at_once(&mut machine, 2, Outcome::Success, t);
    at_once(&mut machine, 2, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Closed);
    at_once(&mut machine, 1, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
}

#[test]
fn calls_in_flight_do_not_dilute_thresholds() {
    let t = Instant::now();
    let thresholds = Thresholds {
        minimum: 2,
        failed: Some(1.0),
        ..Thresholds::default()
    };
    let mut machine = machine(policy(Window::Forever, thresholds), t);
    let flying: Vec<_> = (0..10).map(|_| machine.admit(t).unwrap()).collect();
    at_once(&mut machine, 2, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
    drop(flying);
}

#[test]
fn failures_and_slowness_are_watched_together() {
    let t = Instant::now();
    let thresholds = Thresholds {
        failed: Some(0.5),
        ..slow(4, 0.5)
    };
    for (outcome, took) in [
        (Outcome::Failure, Duration::ZERO),
        (Outcome::Success, 2 * SECOND),
    ] {
        let mut machine = machine(policy(Window::Forever, thresholds), t);
        at_once(&mut machine, 3, Outcome::Success, t);
        let t = calls(&mut machine, 2, took, outcome, t);
        assert_eq!(machine.state(t), State::Closed);
        let t = calls(&mut machine, 1, took, outcome, t);
        assert_eq!(machine.state(t), State::Open);
    }
}

#[test]
fn the_oldest_call_leaves_a_window_of_calls_when_another_ends() {
    let t = Instant::now();
    let thresholds = Thresholds {
        minimum: 3,
        failed: Some(1.0),
        ..slow(3, 1.0)
    };
    let mut machine = machine(policy(Window::Calls(3), thresholds), t);
    let t = calls(&mut machine, 1, 2 * SECOND, Outcome::Success, t);
    at_once(&mut machine, 2, Outcome::Failure, t);
    let counts = machine.counts(t);
    assert_eq!((counts.requests, counts.successes), (3, 1));
    assert_eq!((counts.failures, counts.slow), (2, 1));
    assert_eq!(machine.state(t), State::Closed);
    // An old success does not keep it closed: the last three calls failed.
    at_once(&mut machine, 1, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
}

#[test]
fn time_moves_no_window_of_calls_and_excluded_calls_take_no_place_in_it() {
    let t = Instant::now();
    let thresholds = Thresholds {
        minimum: 3,
        failed: Some(1.0),
        ..Thresholds::default()
    };
    let mut machine = machine(policy(Window::Calls(3), thresholds), t);
    at_once(&mut machine, 2, Outcome::Failure, t);
    let t = t + Duration::from_secs(300_000_000);
    at_once(&mut machine, 50, Outcome::Excluded, t);
    let flying = machine.admit(t).unwrap();
    let counts = machine.counts(t);
    assert_eq!((counts.requests, counts.failures), (3, 2));
    assert_eq!(counts.exclusions, 0);
    machine.report(flying, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
}

/// Open since `t`, to be tried after a minute.
fn opened(policy: Policy, t: Instant) -> Machine {
    let mut machine = machine(policy, t);
    while machine.state(t) == State::Closed {
        at_once(&mut machine, 1, Outcome::Failure, t);
    }
    machine
}

#[test]
fn a_half_open_window_is_judged_once_all_its_trials_ended() {
    let t = Instant::now();
    let half_open = t + Duration::from_secs(60) + TICK;
    for (failures, then) in [(4, State::Closed), (5, State::Open)] {
        let mut machine = opened(Policy::resilience4j(), t);
        let trials: Vec<_> = (0..10).map(|_| machine.admit(half_open).unwrap()).collect();
        assert_eq!(machine.admit(half_open), Err(Rejected::TooManyTrials));
        for (number, trial) in trials.into_iter().enumerate() {
            // The failures come first, and decide nothing alone.
            assert_eq!(machine.state(half_open), State::HalfOpen);
            let outcome = if number < failures {
                Outcome::Failure
            } else {
                Outcome::Success
            };
            machine.report(trial, outcome, half_open);
        }
        assert_eq!(machine.state(half_open), then, "{failures} failures");
    }
}

#[test]
fn an_excluded_trial_of_a_half_open_window_makes_room_for_another() {
    let t = Instant::now();
    let half_open = t + Duration::from_secs(60) + TICK;
    let mut machine = opened(Policy::resilience4j(), t);
    at_once(&mut machine, 9, Outcome::Success, half_open);
    at_once(&mut machine, 20, Outcome::Excluded, half_open);
    assert_eq!(machine.state(half_open), State::HalfOpen);
    at_once(&mut machine, 1, Outcome::Success, half_open);
    assert_eq!(machine.state(half_open), State::Closed);
}

#[test]
fn a_slow_trial_is_a_failed_one() {
    let t = Instant::now();
    let thresholds = Thresholds {
        failures_in_a_row: Some(1),
        ..slow(1, 1.0)
    };
    let mut machine = opened(policy(Window::Forever, thresholds), t);
    let half_open = t + Duration::from_secs(60) + TICK;
    let t = calls(&mut machine, 1, SECOND + TICK, Outcome::Success, half_open);
    assert_eq!(machine.state(t), State::Open);
}

#[test]
fn an_interval_begins_anew_under_load_too() {
    let t = Instant::now();
    let policy = Policy {
        window: Window::Fixed(10 * SECOND),
        trip: Trip::ConsecutiveFailures { more_than: 3 },
        ..Policy::default()
    };
    let mut machine = machine(policy, t);
    // One failure every four seconds for ever: never four within an interval.
    for step in 0..100 {
        at_once(&mut machine, 1, Outcome::Failure, t + step * 4 * SECOND);
    }
    assert_eq!(machine.state(t + 400 * SECOND), State::Closed);
}

#[test]
fn every_preset_is_valid_and_opens_where_its_original_does() {
    let t = Instant::now();
    for (name, policy, failures) in [
        ("gobreaker", Policy::gobreaker(), 6),
        ("resilience4j", Policy::resilience4j(), 100),
        ("polly", Policy::polly(), 100),
        ("hystrix", Policy::hystrix(), 20),
        ("failsafe", Policy::failsafe(), 5),
        ("linkerd", Policy::linkerd(0.8, 100, 10 * SECOND), 7),
        ("apisix", Policy::apisix(), 3),
    ] {
        assert_eq!(policy.validate(), Ok(()), "{name}");
        let mut machine = machine(policy, t);
        at_once(&mut machine, failures - 1, Outcome::Failure, t);
        assert_eq!(machine.state(t), State::Closed, "{name}");
        at_once(&mut machine, 1, Outcome::Failure, t);
        assert_eq!(machine.state(t), State::Open, "{name}");
    }
}

#[test]
fn the_open_times_of_apisix_are_2_4_8_up_to_300_seconds() {
    let bounds = (0..10).map(|n| Policy::apisix().open.bound(n).as_secs());
    let bounds: Vec<_> = bounds.collect();
    assert_eq!(bounds, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    let with = |change: fn(&mut Thresholds)| {
        let mut thresholds = Thresholds::default();
        change(&mut thresholds);
        policy(Window::Calls(10), thresholds).validate()
    };
    let contradiction = |name| Err(InvalidPolicy::Contradiction(name));
    assert_eq!(with(|_| {}), contradiction("trip.thresholds"));
    let zero = Err(InvalidPolicy::Zero("trip.minimum"));
    assert_eq!(with(|t| t.minimum = 0), zero);
    let zero = Err(InvalidPolicy::Zero("trip.failures_in_a_row"));
    assert_eq!(with(|t| t.failures_in_a_row = Some(0)), zero);
    for bad in [f64::NAN, 0.0, -0.5, 1.1, f64::INFINITY] {
        let ratios = [
            Thresholds {
                failed: Some(bad),
                ..Thresholds::default()
            },
            Thresholds {
                succeeded: Some(bad),
                ..Thresholds::default()
            },
            slow(1, bad),
        ];
        for (thresholds, name) in ratios
            .into_iter()
            .zip(["failed", "succeeded", "slow.ratio"])
        {
            let refused = policy(Window::Forever, thresholds).validate();
            let Err(InvalidPolicy::OutOfRange(field)) = refused else {
                panic!("{bad} was accepted as {name}");
            };
            assert_eq!(field, format!("trip.{name}"));
        }
    }
    let minimum = contradiction("trip.minimum");
    assert_eq!(policy(Window::Calls(10), slow(11, 0.5)).validate(), minimum);
    assert_eq!(
        policy(Window::Calls(0), slow(1, 0.5)).validate(),
        Err(InvalidPolicy::Zero("window.calls"))
    );
    assert_eq!(
        policy(Window::Calls(u64::MAX), slow(1, 0.5)).validate(),
        Err(InvalidPolicy::OutOfRange("window.calls"))
    );
    let never_reopens = Policy {
        recovery: Recovery::Share,
        ..Policy::default()
    };
    assert_eq!(never_reopens.validate(), contradiction("recovery"));
    let without_end = Policy {
        max_trials: u64::MAX,
        ..Policy::default()
    };
    let out_of_range = Err(InvalidPolicy::OutOfRange("max_trials"));
    assert_eq!(without_end.validate(), out_of_range);
}
