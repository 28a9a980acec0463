//! More edge cases of the breaker: what counts where, and what is never lost.

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;
use tower::{Layer, Service, service_fn};

use super::*;
use crate::retry::script::dropped_after;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn calls(machine: &mut Machine, count: u32, outcome: Outcome, now: Instant) {
    for _ in 0..count {
        let ticket = machine.admit(now).unwrap();
        machine.report(ticket, outcome, now);
    }
}

fn half(minimum: u64) -> Trip {
    Trip::FailureRatio {
        minimum,
        ratio: 0.5,
    }
}

fn ten_seconds_in_ten_buckets() -> Window {
    Window::Rolling {
        interval: 10 * SECOND,
        bucket: SECOND,
    }
}

#[test]
fn counts_begin_anew_right_after_an_interval_not_at_it() {
    let t = Instant::now();
    let policy = Policy {
        window: Window::Fixed(SECOND),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    calls(&mut machine, 3, Outcome::Failure, t);
    assert_eq!(machine.counts(t + SECOND).failures, 3);
    assert_eq!(machine.counts(t + SECOND + TICK), Counts::default());
    // The second interval begins where the first was seen to have ended.
    calls(&mut machine, 1, Outcome::Failure, t + 2 * SECOND);
    assert_eq!(machine.counts(t + 2 * SECOND + TICK).failures, 1);
    assert_eq!(machine.counts(t + 2 * SECOND + 2 * TICK).failures, 0);
}

#[test]
fn an_old_success_story_does_not_keep_a_rolling_breaker_closed() {
    let t = Instant::now();
    let policy = Policy {
        window: ten_seconds_in_ten_buckets(),
        trip: half(3),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    calls(&mut machine, 1000, Outcome::Success, t);
    let in_window = t + 10 * SECOND - TICK;
    calls(&mut machine, 3, Outcome::Failure, in_window);
    assert_eq!(machine.state(in_window), State::Closed);
    calls(&mut machine, 1, Outcome::Failure, t + 10 * SECOND);
    assert_eq!(machine.state(t + 10 * SECOND), State::Open);
}

#[test]
fn a_burst_at_the_edge_of_a_bucket_is_counted_exactly_once_until_it_leaves() {
    let t = Instant::now();
    let policy = Policy {
        window: ten_seconds_in_ten_buckets(),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    for at in [t + SECOND - TICK, t + SECOND, t + SECOND + TICK] {
        calls(&mut machine, 1, Outcome::Failure, at);
    }
    assert_eq!(machine.counts(t + 10 * SECOND - TICK).failures, 3);
    assert_eq!(machine.counts(t + 10 * SECOND).failures, 2);
    assert_eq!(machine.counts(t + 11 * SECOND - TICK).failures, 2);
    assert_eq!(machine.counts(t + 11 * SECOND).failures, 0);
}

#[test]
fn a_gap_of_more_buckets_than_32_bits_hold_clears_them_all() {
    let t = Instant::now();
    let bucket = Duration::from_millis(1);
    let policy = Policy {
        window: Window::Rolling {
            interval: 10 * bucket,
            bucket,
        },
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    calls(&mut machine, 3, Outcome::Failure, t);
    // Seven weeks: as many buckets as a wheel of 32 bits turns once, and one.
    let idle = t + Duration::from_millis((1 << 32) + 1);
    assert_eq!(machine.counts(idle), Counts::default());
    calls(&mut machine, 1, Outcome::Failure, idle);
    assert_eq!(machine.counts(idle + 9 * bucket).failures, 1);
    assert_eq!(machine.counts(idle + 10 * bucket).failures, 0);
}

#[test]
fn a_late_result_is_charged_to_the_bucket_that_admitted_it() {
    let t = Instant::now();
    let policy = Policy {
        window: ten_seconds_in_ten_buckets(),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    let slow = machine.admit(t).unwrap();
    machine.report(slow, Outcome::Failure, t + 9 * SECOND);
    assert_eq!(machine.counts(t + 9 * SECOND).failures, 1);
    assert_eq!(machine.counts(t + 10 * SECOND).failures, 0);
}

#[test]
fn a_success_never_opens_and_too_few_calls_decide_nothing() {
    let t = Instant::now();
    let policy = Policy {
        trip: half(4),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    calls(&mut machine, 3, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Closed);
    // From here on the law would say "open", if it were asked.
    calls(&mut machine, 2, Outcome::Success, t);
    assert_eq!(machine.state(t), State::Closed);
    calls(&mut machine, 1, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
}

#[test]
fn excluded_calls_neither_fail_nor_dilute() {
    let t = Instant::now();
    let policy = Policy {
        trip: half(4),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    calls(&mut machine, 100, Outcome::Excluded, t);
    assert_eq!(machine.state(t), State::Closed);
    calls(&mut machine, 2, Outcome::Success, t);
    calls(&mut machine, 2, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
}

#[test]
fn calls_in_flight_dilute_a_ratio() {
    let t = Instant::now();
    let policy = Policy {
        trip: half(2),
        ..Policy::default()
    };
    let mut machine = Machine::new(policy, rng(), t).unwrap();
    let flying: Vec<_> = (0..4).map(|_| machine.admit(t).unwrap()).collect();
    calls(&mut machine, 3, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Closed);
    calls(&mut machine, 1, Outcome::Failure, t);
    assert_eq!(machine.state(t), State::Open);
    drop(flying);
}

/// A breaker that lets its first trial through right away, almost.
async fn half_open() -> Breaker {
    let policy = Policy {
        trip: Trip::ConsecutiveFailures { more_than: 0 },
        open: OpenTime::fixed(TICK),
        ..Policy::default()
    };
    let breaker = Breaker::new("a", policy, rng(), Arc::new(())).unwrap();
    breaker.admit().unwrap().report(Outcome::Failure);
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_trial_gives_its_slot_back() {
    let breaker = half_open().await;
    let layer = BreakerLayer::new(breaker.clone(), by_result::<(), ()>);
    let never = service_fn(|(): ()| std::future::pending::<Result<(), ()>>());
    let mut service = layer.layer(never);
    let trial = service.call(());
    let second = service.call(()).await;
    assert_eq!(second, Err(Error::Rejected(Rejected::TooManyTrials)));
    drop(trial);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.admit().unwrap().report(Outcome::Success);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_an_inner_breaker_refused_is_no_failure_for_the_outer_one() {
    let new = |name, more_than| {
        let policy = Policy {
            trip: Trip::ConsecutiveFailures { more_than },
            ..Policy::default()
        };
        Breaker::new(name, policy, rng(), Arc::new(())).unwrap()
    };
    let (inner, outer) = (new("inner", 0), new("outer", 1));
    let fails = service_fn(async |(): ()| Err::<(), ()>(()));
    let guarded = BreakerLayer::new(inner.clone(), by_result).layer(fails);
    let mut service = BreakerLayer::new(outer.clone(), unless_rejected).layer(guarded);
    for _ in 0..20 {
        assert!(service.call(()).await.is_err());
    }
    assert_eq!(inner.state(), State::Open);
    assert_eq!(outer.state(), State::Closed);
    let counts = outer.counts();
    assert_eq!((counts.failures, counts.exclusions), (1, 19));
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_after_any_number_of_polls_gives_its_permit_back() {
    for polls in 0..=3 {
        for breaker in [closed(), half_open().await] {
            let before = (breaker.state(), breaker.totals().failed);
            let layer = BreakerLayer::new(breaker.clone(), by_result::<(), ()>);
            let twice = service_fn(async |(): ()| {
                tokio::time::sleep(Duration::from_millis(1)).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok::<(), ()>(())
            });
            let ended = dropped_after(polls, layer.layer(twice).call(())).await;
            assert_eq!(ended.is_some(), polls == 3, "after {polls} polls");
            let totals = breaker.totals();
            assert_eq!(totals.offered, totals.refused + totals.admitted);
            assert_eq!(totals.admitted, totals.ended(), "{totals:?}");
            assert_eq!((totals.in_flight(), breaker.outstanding()), (0, 0));
            assert_eq!(totals.cancelled, u64::from(ended.is_none()));
            assert_eq!(totals.failed, before.1);
            if ended.is_none() {
                assert_eq!(breaker.state(), before.0);
                // A trial's slot is free again.
                breaker.admit().unwrap().report(Outcome::Success);
            }
            assert_eq!(breaker.state(), State::Closed);
        }
    }
}

fn closed() -> Breaker {
    Breaker::new("a", Policy::default(), rng(), Arc::new(())).unwrap()
}
