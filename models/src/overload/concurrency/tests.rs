//! The laws of the controllers, against the formulas that are published for them.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::samples::Samples;
use super::*;
use crate::overload::{InvalidPolicy, Outcome};

const MS: Duration = Duration::from_millis(1);

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Reports a call of a controller whose limit is all used.
fn used(controller: &mut impl Controller, rtt: Duration, outcome: Outcome) {
    let in_flight = controller.limit();
    controller.on_sample(rtt, in_flight, outcome, Instant::now());
}

#[test]
fn aimd_adds_one_and_takes_a_tenth() {
    let mut aimd = Aimd::new(AimdPolicy::default()).unwrap();
    (0..5).for_each(|_| used(&mut aimd, MS, Outcome::Success));
    assert_eq!(aimd.limit(), 25);
    used(&mut aimd, MS, Outcome::Overload);
    assert_eq!(aimd.limit(), 22);
    used(&mut aimd, 5000 * MS, Outcome::Success);
    assert_eq!(aimd.limit(), 23, "exactly the timeout is not longer");
    used(&mut aimd, 5001 * MS, Outcome::Success);
    assert_eq!(aimd.limit(), 20);
    (0..9).for_each(|_| used(&mut aimd, MS, Outcome::Overload));
    assert_eq!(aimd.limit(), 20, "never below its floor");
    (0..500).for_each(|_| used(&mut aimd, MS, Outcome::Success));
    assert_eq!(aimd.limit(), 200, "never above its top");
}

#[test]
fn vegas_moves_by_the_queue_that_its_limit_lets_stand() {
    // At a limit of 100, where L is 2: the queue is 100 · (1 − 10/rtt).
    let queue_of = |rtt: u64| {
        let policy = VegasPolicy {
            initial: 100,
            ..VegasPolicy::default()
        };
        let mut vegas = Vegas::new(policy, rng(1)).unwrap();
        used(&mut vegas, 10_000 * MS, Outcome::Success);
        assert_eq!(vegas.no_load(), Some(10_000 * MS));
        used(&mut vegas, Duration::from_millis(rtt), Outcome::Success);
        vegas.limit()
    };
    assert_eq!(queue_of(10_000), 112, "no queue: + 6 L");
    assert_eq!(queue_of(10_204), 112, "2 is not above L");
    assert_eq!(queue_of(10_205), 102, "3 is below 3 L: + L");
    assert_eq!(queue_of(10_526), 102, "5");
    assert_eq!(queue_of(10_527), 100, "6 is not below 3 L: stays");
    assert_eq!(queue_of(11_363), 100, "12 is not above 6 L: stays");
    assert_eq!(queue_of(11_364), 98, "13: - L");
}

#[test]
fn vegas_takes_the_smallest_latency_anew_from_time_to_time() {
    let mut vegas = Vegas::new(VegasPolicy::default(), rng(1)).unwrap();
    used(&mut vegas, MS, Outcome::Success);
    let mut samples = 1;
    // A slower callee, with an application that does not use the limit, which therefore stays.
    while vegas.no_load() == Some(MS) {
        vegas.on_sample(10 * MS, 1, Outcome::Success, Instant::now());
        samples += 1;
    }
    assert_eq!(vegas.no_load(), Some(10 * MS));
    assert!((300..=600).contains(&samples), "after {samples}");
}

#[test]
fn gradient2_follows_its_formula() {
    let mut law = Gradient2::new(Gradient2Policy {
        initial: 100,
        ..Gradient2Policy::default()
    })
    .unwrap();
    let (mut limit, mut long) = (100.0_f64, 0.0);
    for n in 1..=200_u32 {
        let rtt = f64::from(10 + (n * 7) % 31 + if n > 100 { 0 } else { 60 });
        let now = Instant::now();
        let took = Duration::from_millis(rtt as u64);
        law.on_sample(took, law.limit(), Outcome::Success, now);
        long = if n <= 10 {
            (long * f64::from(n - 1) + rtt) / f64::from(n)
        } else {
            long + (rtt - long) * 2.0 / 601.0
        };
        let gradient = (1.5 * long / rtt).clamp(0.5, 1.0);
        limit = (0.8 * limit + 0.2 * (limit * gradient + 4.0)).clamp(20.0, 200.0);
        if long / rtt > 2.0 {
            long *= 0.95;
        }
        assert!((law.limit() as f64 - limit.floor()).abs() < 1.5, "{n}");
    }
}

#[test]
fn samples_of_before_the_epoch_are_ignored_and_a_measurement_takes_its_calls() {
    let t = Instant::now();
    let mut law = Gradient::new(GradientPolicy::default(), rng(1), t).unwrap();
    let now = t + 10 * MS;
    for _ in 0..100 {
        law.on_sample(11 * MS, 3, Outcome::Success, now);
    }
    assert_eq!(law.min_rtt(), None, "they began before");
    for _ in 0..49 {
        law.on_sample(10 * MS, 3, Outcome::Success, now);
    }
    assert_eq!((law.min_rtt(), law.measure_at()), (None, None));
    law.on_sample(9 * MS, 3, Outcome::Success, now);
    assert_eq!(law.min_rtt(), Some(10 * MS));
    assert!(law.measure_at() >= Some(now + 60_000 * MS));
}

#[test]
fn a_window_without_samples_moves_no_limit() {
    let t = Instant::now();
    let mut law = Gradient::new(GradientPolicy::default(), rng(1), t).unwrap();
    for _ in 0..50 {
        law.on_sample(MS, 3, Outcome::Success, t + MS);
    }
    for window in 1..50 {
        law.on_sample(MS, 3, Outcome::Failure, t + window * 200 * MS);
        assert_eq!(law.limit(), 3);
    }
    assert_eq!(law.min_rtt(), Some(MS));
}

#[test]
fn a_window_of_any_size_has_the_median_of_its_samples() {
    let mut samples = Samples::new();
    assert_eq!(samples.take_median(), None);
    for count in [1, 2, 3, 50, 1024] {
        (0..count).for_each(|n| samples.add(n * 7 % count));
        assert_eq!(samples.seen(), count);
        let middle = (count - 1) / 2;
        assert_eq!(samples.take_median(), Some(middle), "{count}");
    }
    (0..100_000).for_each(|n| samples.add(n));
    let median = samples.take_median().unwrap();
    assert!((49_000..51_000).contains(&median), "{median}");
}

#[test]
fn nonsense_is_refused_when_a_controller_is_built() {
    let t = Instant::now();
    let gradient = |change: fn(&mut GradientPolicy)| {
        let mut policy = GradientPolicy::default();
        change(&mut policy);
        Gradient::new(policy, rng(1), t).map(|_| ()).unwrap_err()
    };
    let (zero, range) = (InvalidPolicy::Zero, InvalidPolicy::OutOfRange);
    let contradiction = InvalidPolicy::Contradiction;
    assert_eq!(gradient(|p| p.min = 0), zero("min"));
    assert_eq!(gradient(|p| p.max = 2), contradiction("min"));
    assert_eq!(gradient(|p| p.jitter = f64::NAN), range("jitter"));
    assert_eq!(gradient(|p| p.buffer = -0.1), range("buffer"));
    assert_eq!(gradient(|p| p.measure_calls = 0), zero("measure_calls"));
    let never = gradient(|p| p.update_interval = Duration::ZERO);
    assert_eq!(never, zero("update_interval"));
    let shorter = gradient(|p| p.measure_interval = MS);
    assert_eq!(shorter, contradiction("measure_interval"));
    for backoff in [f64::NAN, 0.0, -1.0, 1.0, f64::INFINITY] {
        let policy = AimdPolicy {
            backoff,
            ..AimdPolicy::default()
        };
        assert_eq!(Aimd::new(policy).map(|_| ()), Err(range("backoff")));
    }
    for smoothing in [f64::NAN, 0.0, 1.1] {
        let policy = Gradient2Policy {
            smoothing,
            ..Gradient2Policy::default()
        };
        assert_eq!(policy.validate(), Err(range("smoothing")));
    }
    let policy = VegasPolicy {
        max: 10,
        ..VegasPolicy::default()
    };
    let above = Vegas::new(policy, rng(1)).map(|_| ());
    assert_eq!(above, Err(contradiction("initial")));
    assert_eq!(Fixed::new(0).map(|_| ()), Err(zero("limit")));
}
