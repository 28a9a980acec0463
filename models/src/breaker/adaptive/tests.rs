//! The edge cases of client-side throttling.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;
use crate::breaker::{InvalidPolicy, Outcome};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

fn law(policy: Policy, now: Instant) -> Law {
    Law::new(policy, ChaCha8Rng::seed_from_u64(1), now).unwrap()
}

fn report(law: &mut Law, count: u32, outcome: Outcome, now: Instant) {
    (0..count).for_each(|_| law.report(outcome, now));
}

#[test]
fn a_burst_of_first_calls_is_not_dropped() {
    let t = Instant::now();
    for policy in [Policy::sre(), Policy::go_zero()] {
        let mut law = law(policy, t);
        assert!((0..1000).all(|_| law.admit(t).is_ok()));
    }
}

#[test]
fn dropped_calls_count_and_excluded_ones_do_not() {
    let t = Instant::now();
    let mut law = law(Policy::sre(), t);
    report(&mut law, 9, Outcome::Failure, t);
    report(&mut law, 50, Outcome::Excluded, t);
    assert_eq!(law.probability(t), 9.0 / 10.0);
    while law.admit(t).is_ok() {}
    assert_eq!(law.probability(t), 10.0 / 11.0);
    report(&mut law, 1, Outcome::Throttled { patience: None }, t);
    assert_eq!(law.probability(t), 11.0 / 12.0);
}

#[test]
fn what_leaves_the_window_is_forgotten_bucket_by_bucket_and_all_after_a_gap() {
    let t = Instant::now();
    let mut law = law(Policy::sre(), t);
    report(&mut law, 9, Outcome::Failure, t);
    report(&mut law, 5, Outcome::Failure, t + SECOND);
    assert_eq!(law.probability(t + 120 * SECOND - TICK), 14.0 / 15.0);
    assert_eq!(law.probability(t + 120 * SECOND), 5.0 / 6.0);
    assert_eq!(law.probability(t + 121 * SECOND), 0.0);
    report(&mut law, 9, Outcome::Failure, t + 121 * SECOND);
    let idle = t + Duration::from_secs(300_000_000);
    assert_eq!(law.probability(idle), 0.0);
    report(&mut law, 1, Outcome::Failure, idle);
    assert_eq!(law.probability(idle + SECOND), 0.5);
}

#[test]
fn a_clock_that_steps_back_revives_nothing() {
    let t = Instant::now() + 200 * SECOND;
    let mut law = law(Policy::sre(), t);
    report(&mut law, 9, Outcome::Failure, t);
    assert_eq!(law.probability(t + 120 * SECOND), 0.0);
    assert_eq!(law.probability(t), 0.0);
    assert_eq!(law.probability(t - 100 * SECOND), 0.0);
}

#[test]
fn a_clock_that_steps_back_and_forth_forgets_nothing() {
    let t = Instant::now();
    let mut law = law(Policy::sre(), t);
    let later = t + 100 * SECOND;
    report(&mut law, 9, Outcome::Failure, later);
    for _ in 0..5 {
        assert_eq!(law.probability(t), 0.9);
        assert_eq!(law.probability(later), 0.9);
    }
}

#[test]
fn go_zero_spares_five_calls_and_is_the_stricter_the_longer_all_fails() {
    let t = Instant::now();
    let mut law = law(Policy::go_zero(), t);
    report(&mut law, 5, Outcome::Failure, t);
    assert_eq!(law.probability(t), 0.0);
    report(&mut law, 1, Outcome::Failure, t);
    assert_eq!(law.probability(t), 1.0 / 7.0);
    // Ten good, then two buckets of failures only: k = 1.5 − 0.4 · 2/40 = 1.48.
    let mut law = self::law(Policy::go_zero(), t);
    report(&mut law, 10, Outcome::Success, t);
    for bucket in 1..=2 {
        report(&mut law, 20, Outcome::Failure, t + bucket * SECOND / 4);
    }
    let got = law.probability(t + SECOND);
    assert!((got - (50.0 - 5.0 - 14.8) / 51.0).abs() < 1e-12, "{got}");
    // One good bucket of 40 eases it by that much, and ends the streak of bad ones.
    report(&mut law, 1, Outcome::Success, t + SECOND);
    let got = law.probability(t + SECOND);
    let eased = (51.0 - 5.0 - 16.5) / 52.0 * (39.0 / 40.0);
    assert!((got - eased).abs() < 1e-12, "{got}");
}

#[test]
fn go_zero_forces_a_call_a_second_through_and_no_more() {
    let t = Instant::now();
    let mut law = law(Policy::go_zero(), t);
    report(&mut law, 1000, Outcome::Failure, t);
    // Nothing is forced before the first call passed by chance.
    let mut last = t;
    while law.admit(last).is_err() {
        last += SECOND / 1000;
    }
    assert!(law.admit(last + SECOND).is_err());
    assert!(law.admit(last + SECOND + TICK).is_ok());
    assert!(law.admit(last + SECOND + TICK).is_err());
}

#[test]
fn nonsense_is_refused_when_a_throttle_is_built() {
    let with = |change: fn(&mut Policy)| {
        let mut policy = Policy::go_zero();
        change(&mut policy);
        policy.validate()
    };
    assert_eq!(with(|_| {}), Ok(()));
    let k = Err(InvalidPolicy::OutOfRange("k"));
    assert_eq!(with(|p| p.k = f64::NAN), k);
    assert_eq!(with(|p| p.k = f64::INFINITY), k);
    assert_eq!(with(|p| p.k = 0.9), k);
    let floor = Err(InvalidPolicy::OutOfRange("floor"));
    assert_eq!(with(|p| p.floor = 1.6), floor);
    assert_eq!(with(|p| p.floor = f64::NAN), floor);
    assert_eq!(with(|p| p.buckets = 0), Err(InvalidPolicy::Zero("buckets")));
    let many = Err(InvalidPolicy::TooManyBuckets);
    assert_eq!(with(|p| p.buckets = u32::MAX), many);
    let zero = Err(InvalidPolicy::Zero("window"));
    assert_eq!(with(|p| p.window = Duration::ZERO), zero);
    let narrow = Err(InvalidPolicy::OutOfRange("window"));
    assert_eq!(with(|p| p.window = TICK), narrow);
    let forced = Err(InvalidPolicy::Zero("forced"));
    assert_eq!(with(|p| p.forced = Some(Duration::ZERO)), forced);
}

#[tokio::test(start_paused = true)]
async fn a_pass_reports_once_and_a_dropped_one_nothing() {
    let throttle = Throttle::new(Policy::sre(), ChaCha8Rng::seed_from_u64(1)).unwrap();
    drop(throttle.admit().unwrap());
    assert_eq!(throttle.probability(), 0.0);
    throttle.admit().unwrap().report(Outcome::Failure);
    assert_eq!(throttle.probability(), 0.5);
    let passes: Vec<_> = (0..20).filter_map(|_| throttle.admit().ok()).collect();
    let totals = throttle.totals();
    assert_eq!(totals.offered, 22);
    assert_eq!(totals.offered, totals.refused + totals.admitted);
    assert_eq!(totals.in_flight(), passes.len() as u64);
    assert!(totals.refused > 0);
    drop(passes);
    let totals = throttle.totals();
    assert_eq!((totals.in_flight(), totals.failed), (0, 1));
}
