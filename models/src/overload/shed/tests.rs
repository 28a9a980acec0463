//! The laws of the shedders, against the formulas that are published for them.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;
use crate::overload::{Call, InvalidPolicy, Outcome, Priority};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn end(outcome: Outcome) -> End {
    End {
        outcome: Some(outcome),
        took: MS,
        in_flight: 0,
    }
}

fn with_calls(policy: SuccessRatePolicy, ok: u64, failed: u64, now: Instant) -> SuccessRate {
    let mut law = SuccessRate::new(policy, rng(), now).unwrap();
    (0..ok).for_each(|_| law.ended(&end(Outcome::Success), now));
    (0..failed).for_each(|_| law.ended(&end(Outcome::Failure), now));
    law
}

#[test]
fn the_probability_follows_from_how_calls_ended() {
    let t = Instant::now();
    let linear = SuccessRatePolicy::default();
    let steep = SuccessRatePolicy {
        aggression: 2.0,
        ..linear
    };
    let close = |policy, ok, failed, expected: f64| {
        let got = with_calls(policy, ok, failed, t).probability(t);
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    };
    close(linear, 50, 50, (100.0 - 50.0 / 0.95) / 101.0);
    close(steep, 50, 50, ((100.0 - 50.0 / 0.95_f64) / 101.0).sqrt());
    close(linear, 0, 100, 0.8);
    close(linear, 95, 5, 0.0);
    close(linear, 0, 0, 0.0);
}

#[test]
fn more_successes_than_the_threshold_asks_for_are_no_root_of_a_negative_number() {
    let t = Instant::now();
    for aggression in [1.0, 1.5, 2.0, 3.0] {
        let policy = SuccessRatePolicy {
            aggression,
            ..SuccessRatePolicy::default()
        };
        let mut law = with_calls(policy, 100, 0, t);
        assert_eq!(law.probability(t), 0.0);
        (0..1000).for_each(|_| assert_eq!(law.admit(&Call::default(), 0, t), Ok(())));
    }
}

#[test]
fn as_many_are_refused_as_the_probability_says() {
    let t = Instant::now();
    let mut law = with_calls(SuccessRatePolicy::default(), 50, 50, t);
    let shed = (0..10_000).filter(|_| law.admit(&Call::default(), 0, t).is_err());
    let expected = 10_000.0 * law_of(50, 100);
    let shed = shed.count() as f64;
    assert!((shed / expected - 1.0).abs() < 0.05, "{shed} of {expected}");
}

fn law_of(successes: u64, requests: u64) -> f64 {
    SuccessRatePolicy::default().probability(requests, successes)
}

#[test]
fn calls_leave_the_window_with_their_second() {
    let t = Instant::now();
    let mut law = with_calls(SuccessRatePolicy::default(), 0, 100, t);
    assert_eq!(law.probability(t + 30 * SECOND - MS), 0.8);
    assert_eq!(law.probability(t + 30 * SECOND), 0.0);
}

#[test]
fn too_few_calls_a_second_are_never_refused() {
    let t = Instant::now();
    let policy = SuccessRatePolicy {
        min_rps: 10,
        ..SuccessRatePolicy::default()
    };
    assert_eq!(with_calls(policy, 0, 9, t).probability(t), 0.0);
    assert_eq!(with_calls(policy, 0, 10, t).probability(t), 0.8);
    // Ten in one second are five a second two seconds later.
    assert_eq!(
        with_calls(policy, 0, 10, t).probability(t + 2 * SECOND),
        0.0
    );
}

/// 100 calls of 10 ms in every bucket of 100 ms, over a second: 10 in flight is what that takes.
fn bbr(gauge: &Gauge, began: Instant) -> (Bbr, Instant) {
    let mut law = Bbr::new(BbrPolicy::default(), gauge.clone(), began).unwrap();
    for n in 0..1000 {
        let ended = End {
            outcome: Some(Outcome::Success),
            took: 10 * MS,
            in_flight: 30,
        };
        law.ended(&ended, began + n * MS);
    }
    (law, began + SECOND)
}

#[test]
fn a_busy_machine_has_as_many_calls_under_way_as_it_has_shown_to_do() {
    let (t, gauge) = (Instant::now(), Gauge::default());
    let (mut law, now) = bbr(&gauge, t);
    assert_eq!(law.allowed(now), 10.0);
    gauge.set(900);
    assert_eq!(law.admit(&Call::default(), 30, now), Ok(()), "not above");
    gauge.set(901);
    let allowed = 10.0 * 0.99;
    let in_flight = 30;
    let full = Err(Reason::InFlight { in_flight, allowed });
    assert_eq!(law.admit(&Call::default(), 30, now), full);
    assert_eq!(law.admit(&Call::default(), 9, now), Ok(()));
    gauge.set(1000);
    assert_eq!(law.allowed(now), 1.0, "a tenth at least");
}

#[test]
fn a_machine_that_was_busy_a_moment_ago_still_sheds() {
    let (t, gauge) = (Instant::now(), Gauge::default());
    let (mut law, now) = bbr(&gauge, t);
    gauge.set(950);
    assert!(law.admit(&Call::default(), 30, now).is_err());
    gauge.set(100);
    let still = now + SECOND - Duration::from_nanos(1);
    assert!(law.admit(&Call::default(), 30, still).is_err());
    assert_eq!(law.admit(&Call::default(), 30, now + SECOND), Ok(()));
    assert_eq!(law.admit(&Call::default(), 30, still), Ok(()), "it is over");
}

#[test]
fn what_left_the_window_and_what_is_being_filled_counts_for_nothing() {
    let (t, gauge) = (Instant::now(), Gauge::default());
    let (mut law, now) = bbr(&gauge, t);
    // 2000 passes of 2 ms count from the end of their bucket on.
    let quick = End {
        took: 2 * MS,
        ..end(Outcome::Success)
    };
    (0..2000).for_each(|_| law.ended(&quick, now));
    assert_eq!(law.allowed(now), 10.0);
    assert_eq!(law.allowed(now + 100 * MS), 40.0);
    assert_eq!(law.allowed(now + 5 * SECOND), 40.0);
    // Without any history: one pass per bucket, of a second.
    assert_eq!(law.allowed(now + 5 * SECOND + 100 * MS), 10.0);
    // What failed or was cancelled shows nothing.
    let later = now + 6 * SECOND;
    law.ended(&end(Outcome::Failure), later);
    let outcome = None;
    law.ended(&End { outcome, ..quick }, later);
    assert_eq!(law.allowed(later + 100 * MS), 10.0);
}

fn level(law: &Dagor) -> u16 {
    law.threshold().unwrap().number()
}

/// One window of a call at each of the users of a class, all of which queue for `waited`.
fn window(law: &mut Dagor, waited: Duration, at: Instant) -> usize {
    let calls = (0..128).map(|user| Call {
        user,
        ..Call::default()
    });
    let admitted = calls.filter(|call| law.admit(call, 0, at).is_ok()).count();
    (0..admitted).for_each(|_| law.queued(waited, at));
    admitted
}

#[test]
fn the_least_important_go_first_by_a_twentieth_and_come_back_by_a_hundredth() {
    let t = Instant::now();
    let mut law = Dagor::new(DagorPolicy::default(), t).unwrap();
    assert_eq!(window(&mut law, 20 * MS, t), 128);
    let at = t + SECOND;
    assert_eq!(window(&mut law, 21 * MS, at), 128, "20 ms is not longer");
    // 5 % of 128 are 6.4: seven users of the class have to go.
    let at = at + SECOND;
    assert_eq!(window(&mut law, 21 * MS, at), 121);
    let at = at + SECOND;
    assert_eq!(window(&mut law, 19 * MS, at), 114);
    // 1 % of 128 are 1.28: two come back.
    let at = at + SECOND;
    assert_eq!(window(&mut law, 19 * MS, at), 116);
}

#[test]
fn a_window_ends_after_so_many_calls_too() {
    let t = Instant::now();
    let mut law = Dagor::new(DagorPolicy::default(), t).unwrap();
    for _ in 0..2000 {
        law.admit(&Call::default(), 0, t).unwrap();
        law.queued(SECOND, t);
    }
    assert!(law.admit(&Call::of(Priority::Batch), 0, t).is_err());
}

#[test]
fn the_most_important_level_is_never_shed_and_an_idle_window_opens_all() {
    let t = Instant::now();
    let mut law = Dagor::new(DagorPolicy::default(), t).unwrap();
    let first = Call::of(Priority::Health);
    let mut at = t;
    for _ in 0..100 {
        assert_eq!(law.admit(&first, 0, at), Ok(()));
        law.queued(SECOND, at);
        at += SECOND;
    }
    assert_eq!(level(&law), 0);
    // It counts at the next look; nothing came in the second that began then.
    law.admit(&first, 0, at).unwrap();
    law.admit(&first, 0, at + SECOND).unwrap();
    assert_eq!(law.threshold(), Some(Level::LEAST_IMPORTANT));
}

#[test]
fn levels_survive_the_wire_and_order_by_class_then_user() {
    let call = |priority, user| Call {
        priority,
        user,
        deadline: None,
    };
    let ordered = [
        Level::MOST_IMPORTANT,
        Level::of(&call(Priority::Health, 127)),
        Level::of(&call(Priority::Critical, 0)),
        Level::of(&call(Priority::Normal, 3)),
        Level::of(&call(Priority::Batch, 255)),
    ];
    assert!(ordered.is_sorted());
    assert_eq!(ordered[4], Level::LEAST_IMPORTANT);
    for level in ordered {
        assert_eq!(Level::from_number(level.number()), Some(level));
    }
    assert_eq!(Level::from_number(512), None);
}

#[test]
fn nonsense_is_refused_when_a_law_is_built() {
    let (zero, range) = (InvalidPolicy::Zero, InvalidPolicy::OutOfRange);
    let rate = |change: fn(&mut SuccessRatePolicy)| {
        let mut policy = SuccessRatePolicy::default();
        change(&mut policy);
        policy.validate().unwrap_err()
    };
    assert_eq!(rate(|p| p.window = Duration::ZERO), zero("window"));
    assert_eq!(rate(|p| p.window = 1500 * MS), range("window"));
    assert_eq!(rate(|p| p.threshold = 0.0), range("threshold"));
    assert_eq!(rate(|p| p.threshold = f64::NAN), range("threshold"));
    assert_eq!(rate(|p| p.aggression = 0.5), range("aggression"));
    assert_eq!(rate(|p| p.max_probability = 1.1), range("max_probability"));
    let bbr = |change: fn(&mut BbrPolicy)| {
        let mut policy = BbrPolicy::default();
        change(&mut policy);
        policy.validate().unwrap_err()
    };
    assert_eq!(bbr(|p| p.busy = 1000), range("busy"));
    assert_eq!(bbr(|p| p.busy = 0), zero("busy"));
    assert_eq!(bbr(|p| p.buckets = 0), zero("buckets"));
    let dagor = |change: fn(&mut DagorPolicy)| {
        let mut policy = DagorPolicy::default();
        change(&mut policy);
        policy.validate().unwrap_err()
    };
    assert_eq!(dagor(|p| p.requests = 0), zero("requests"));
    assert_eq!(dagor(|p| p.decrease = f64::NAN), range("decrease"));
    assert_eq!(dagor(|p| p.increase = 0.0), range("increase"));
}
