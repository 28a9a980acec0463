//! The edge cases of adaptive limits: what must not be learnt, and what must be unlearnt.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;
use tower::{Layer, Service, service_fn};

use super::*;
use crate::overload::{Error, Outcome, by_result};

const MS: Duration = Duration::from_millis(1);

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A gradient that has measured 10 ms, and the instant then.
fn measured(seed: u64) -> (Gradient, Instant) {
    let t = Instant::now();
    let mut law = Gradient::new(GradientPolicy::default(), rng(seed), t).unwrap();
    let now = t + 10 * MS;
    for _ in 0..50 {
        law.on_sample(10 * MS, 3, Outcome::Success, now);
    }
    assert_eq!(law.min_rtt(), Some(10 * MS));
    (law, now)
}

/// All laws at a limit of 20 or so, each with samples of 10 ms behind it.
fn all() -> Vec<Box<dyn Controller>> {
    let (mut gradient, mut now) = measured(1);
    for _ in 0..4 {
        now += 100 * MS;
        let used = gradient.limit();
        gradient.on_sample(10 * MS, used, Outcome::Success, now);
    }
    let mut vegas = Vegas::new(VegasPolicy::default(), rng(1)).unwrap();
    vegas.on_sample(10 * MS, 1, Outcome::Success, now);
    let gradient2 = Gradient2::new(Gradient2Policy::default()).unwrap();
    let aimd = Aimd::new(AimdPolicy::default()).unwrap();
    vec![
        Box::new(gradient),
        Box::new(vegas),
        Box::new(gradient2),
        Box::new(aimd),
    ]
}

#[test]
fn a_quick_failure_is_no_smallest_latency() {
    let t = Instant::now();
    let mut gradient = Gradient::new(GradientPolicy::default(), rng(1), t).unwrap();
    let mut vegas = Vegas::new(VegasPolicy::default(), rng(1)).unwrap();
    let now = t + 10 * MS;
    for outcome in [Outcome::Failure, Outcome::Overload] {
        for _ in 0..200 {
            gradient.on_sample(MS / 100, 3, outcome, now);
            vegas.on_sample(MS / 100, 3, outcome, now);
        }
    }
    assert_eq!((gradient.min_rtt(), vegas.no_load()), (None, None));
    vegas.on_sample(10 * MS, 3, Outcome::Success, now);
    for _ in 0..50 {
        gradient.on_sample(10 * MS, 3, Outcome::Success, now);
    }
    // A quick failure after good samples does not get below them either.
    for outcome in [Outcome::Failure, Outcome::Overload] {
        gradient.on_sample(MS / 100, 3, outcome, now);
        vegas.on_sample(MS / 100, 3, outcome, now);
    }
    assert_eq!(gradient.min_rtt(), Some(10 * MS));
    assert_eq!(vegas.no_load(), Some(10 * MS));
}

#[test]
fn no_limit_grows_while_the_application_does_not_use_it() {
    let start = Instant::now() + Duration::from_secs(10);
    for mut law in all() {
        // What was used before belongs to the window before.
        law.on_sample(10 * MS, 1, Outcome::Success, start);
        let limit = law.limit();
        let unused = (limit - 1) / 2;
        for window in 1..200 {
            law.on_sample(10 * MS, unused, Outcome::Success, start + window * 100 * MS);
            assert!(law.limit() <= limit, "{law:?}");
        }
        // The same latencies with a limit that is used make it grow.
        let later = start + Duration::from_secs(30);
        for window in 1..30 {
            let used = law.limit();
            law.on_sample(10 * MS, used, Outcome::Success, later + window * 100 * MS);
        }
        assert!(law.limit() > limit, "{law:?}");
    }
}

#[test]
fn a_limit_at_the_floor_for_five_windows_measures_anew_and_rises_again() {
    let (mut law, mut now) = measured(1);
    let before = law.measure_at().unwrap();
    // The callee has become ten times slower, for good.
    let mut windows = 0;
    while law.measure_at().is_some() {
        now += 100 * MS;
        law.on_sample(100 * MS, law.limit(), Outcome::Success, now);
        windows += 1;
        assert!(windows <= 7, "still at {}", law.limit());
    }
    assert!(now < before, "long before it would have measured anyway");
    for _ in 0..60 {
        now += 100 * MS;
        law.on_sample(100 * MS, law.limit(), Outcome::Success, now);
    }
    assert_eq!(law.min_rtt(), Some(100 * MS));
    for _ in 0..20 {
        now += 100 * MS;
        law.on_sample(100 * MS, law.limit(), Outcome::Success, now);
    }
    assert!(law.limit() > 30, "{}", law.limit());
}

#[test]
fn vegas_and_aimd_rise_from_their_floor() {
    let mut vegas = Vegas::new(VegasPolicy::default(), rng(1)).unwrap();
    let mut aimd = Aimd::new(AimdPolicy {
        min: 1,
        ..AimdPolicy::default()
    })
    .unwrap();
    let now = Instant::now();
    for law in [&mut vegas as &mut dyn Controller, &mut aimd] {
        for _ in 0..100 {
            law.on_sample(10 * MS, law.limit(), Outcome::Overload, now);
        }
        assert_eq!(law.limit(), 1);
        for _ in 0..100 {
            law.on_sample(10 * MS, law.limit(), Outcome::Success, now);
        }
        assert!(law.limit() > 20, "{law:?}");
    }
}

#[test]
fn replicas_that_began_together_do_not_measure_together() {
    let mut next: Vec<_> = (0..50)
        .map(|seed| {
            let (law, now) = measured(seed);
            law.measure_at().unwrap() - now
        })
        .collect();
    next.sort();
    let (first, last) = (next[0], next[49]);
    assert!(first >= 60_000 * MS && last <= 69_000 * MS, "{next:?}");
    next.dedup();
    assert_eq!(next.len(), 50);
    assert!(last - first > 4_500 * MS, "over half of the jitter");
}

#[tokio::test(start_paused = true)]
async fn what_was_shed_is_no_sample_of_latency() {
    let aimd = Aimd::new(AimdPolicy {
        initial: 2,
        min: 1,
        max: 10,
        ..AimdPolicy::default()
    });
    let limiter = Limiter::new("a", aimd.unwrap(), Arc::new(()));
    let held: Vec<_> = (0..2).map(|_| limiter.admit().unwrap()).collect();
    for _ in 0..100 {
        let refused = limiter.admit().map(|_| ());
        assert_eq!(refused, Err(Refused { limit: 2 }));
    }
    // An inner guard's refusal, through the layer: quick, and no success.
    drop(held);
    let sheds = service_fn(async |(): ()| Err::<(), Refused>(Refused { limit: 0 }));
    let mut service = LimitLayer::new(limiter.clone(), by_result).layer(sheds);
    for _ in 0..100 {
        assert!(matches!(service.call(()).await, Err(Error::Inner(_))));
    }
    assert_eq!(limiter.limit(), 2);
    let tally = limiter.tally();
    let counts = (tally.refused, tally.failed, tally.cancelled);
    assert_eq!(counts, (100, 100, 2));
    assert!(tally.is_balanced());
}

#[test]
fn a_limit_that_falls_below_what_is_under_way_admits_nobody_until_it_has_drained() {
    let policy = AimdPolicy {
        initial: 10,
        min: 1,
        backoff: 0.5,
        ..AimdPolicy::default()
    };
    let limiter = Limiter::new("a", Aimd::new(policy).unwrap(), Arc::new(()));
    let mut held: Vec<_> = (0..10).map(|_| limiter.admit().unwrap()).collect();
    held.pop().unwrap().report(Outcome::Overload);
    assert_eq!(limiter.limit(), 5);
    while held.len() >= 5 {
        assert!(limiter.admit().is_err());
        drop(held.pop());
    }
    assert!(limiter.admit().is_ok());
}

#[test]
fn a_call_that_is_dropped_after_any_number_of_polls_gives_its_place_back() {
    for polls in 0..6 {
        let limiter = Limiter::new("a", Fixed::new(1).unwrap(), Arc::new(()));
        let slow = service_fn(|(): ()| async {
            let mut left = 3;
            std::future::poll_fn(|_| {
                left -= 1;
                if left > 0 {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok::<(), ()>(()))
                }
            })
            .await
        });
        let mut call = LimitLayer::new(limiter.clone(), by_result)
            .layer(slow)
            .call(());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..polls.min(3) {
            let _ = Pin::new(&mut call).poll(&mut context);
        }
        drop(call);
        let tally = limiter.tally();
        assert!(tally.is_balanced() && tally.in_flight == 0, "{tally:?}");
        assert_eq!(
            (tally.ok, tally.cancelled),
            if polls < 3 { (0, 1) } else { (1, 0) }
        );
        assert!(limiter.admit().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_is_raised_again() {
    let limiter = Limiter::new("a", Fixed::new(1).unwrap(), Arc::new(()));
    let panics = service_fn(async |(): ()| -> Result<(), ()> { panic!("planted") });
    let mut service = LimitLayer::new(limiter.clone(), by_result).layer(panics);
    assert!(tokio::spawn(service.call(())).await.is_err());
    let tally = limiter.tally();
    assert_eq!((tally.failed, tally.in_flight), (1, 0));
}

#[test]
fn an_observer_may_ask_the_limiter() {
    use std::sync::{Mutex, OnceLock};
    #[derive(Default)]
    struct Asks(OnceLock<Limiter>, Mutex<Vec<(usize, usize)>>);
    impl Observer for Asks {
        fn moved(&self, _: &str, from: usize, to: usize) {
            assert_eq!(self.0.get().unwrap().limit(), to);
            self.1.lock().unwrap().push((from, to));
        }
    }
    let asks = Arc::new(Asks::default());
    let aimd = Aimd::new(AimdPolicy::default()).unwrap();
    let limiter = Limiter::new("a", aimd, asks.clone());
    asks.0.set(limiter.clone()).unwrap();
    let mut held: Vec<_> = (0..10).map(|_| limiter.admit().unwrap()).collect();
    held.pop().unwrap().report(Outcome::Success);
    assert_eq!(*asks.1.lock().unwrap(), [(20, 21)]);
}
