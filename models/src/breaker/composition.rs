//! Breakers beside and around each other: keys, routes, and what the gates count.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tower::{Layer, Service, service_fn};

use super::*;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn opens_at_once() -> Policy {
    Policy {
        trip: Trip::ConsecutiveFailures { more_than: 0 },
        ..Policy::default()
    }
}

fn keyed(capacity: usize) -> Breakers<&'static str> {
    Breakers::new(opens_at_once(), capacity, rng(), Arc::new(())).unwrap()
}

fn fail(breaker: &Breaker) {
    breaker.admit().unwrap().report(Outcome::Failure);
}

#[tokio::test(start_paused = true)]
async fn one_bad_host_opens_its_own_breaker_and_not_the_routes() {
    let hosts = keyed(3);
    let half = Policy {
        trip: Trip::Thresholds(Thresholds {
            minimum: 10,
            failed: Some(0.25),
            ..Thresholds::default()
        }),
        ..Policy::default()
    };
    let route = Breaker::new("route", half, rng(), Arc::new(())).unwrap();
    let names = ["bad", "good", "fine"];
    let mut answered = 0;
    for turn in 0..300 {
        let host = names[turn % 3];
        let answer = move |(): ()| ready(if host == "bad" { Err(()) } else { Ok(()) });
        let guarded =
            BreakerLayer::new(hosts.of(&host).unwrap(), by_result).layer(service_fn(answer));
        let mut called = BreakerLayer::new(route.clone(), unless_rejected).layer(guarded);
        answered += u32::from(called.call(()).await.is_ok());
    }
    assert_eq!(hosts.of(&"bad").unwrap().state(), State::Open);
    assert_eq!(hosts.of(&"good").unwrap().state(), State::Closed);
    assert_eq!(route.state(), State::Closed);
    assert_eq!(answered, 200);
    let totals = route.totals();
    assert_eq!((totals.failed, totals.excluded), (1, 99));
}

#[tokio::test(start_paused = true)]
async fn a_key_keeps_its_breaker() {
    let breakers = keyed(2);
    fail(&breakers.of(&"a").unwrap());
    assert_eq!(breakers.of(&"a").unwrap().state(), State::Open);
    assert_eq!(breakers.of(&"b").unwrap().state(), State::Closed);
    assert_eq!(breakers.of(&"b").unwrap().name(), "b");
    assert_eq!(breakers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_number_of_other_keys_closes_an_open_breaker() {
    let breakers = keyed(2);
    fail(&breakers.of(&"a").unwrap());
    for other in ["b", "c", "d", "e"] {
        breakers.of(&other).unwrap();
        assert_eq!(breakers.len(), 2);
    }
    assert_eq!(breakers.of(&"a").unwrap().state(), State::Open);
    fail(&breakers.of(&"e").unwrap());
    let capacity = 2;
    assert_eq!(breakers.of(&"f").unwrap_err(), NoRoom { capacity });
    breakers.of(&"a").unwrap().reset();
    assert!(breakers.of(&"f").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_somebody_holds_or_set_by_hand_is_not_forgotten() {
    let breakers = keyed(1);
    let held = breakers.of(&"a").unwrap();
    assert!(breakers.of(&"b").is_err());
    let permit = held.admit().unwrap();
    drop(held);
    assert!(breakers.of(&"b").is_err());
    drop(permit);
    breakers.of(&"a").unwrap().disable();
    assert!(breakers.of(&"b").is_err());
    breakers.of(&"a").unwrap().reset();
    assert!(breakers.of(&"b").is_ok());
}

#[tokio::test(start_paused = true)]
async fn room_is_made_by_what_was_asked_for_longest_ago() {
    let breakers = Breakers::new(Policy::default(), 2, rng(), Arc::new(())).unwrap();
    for key in ["a", "b", "a"] {
        fail(&breakers.of(&key).unwrap());
    }
    breakers.of(&"c").unwrap();
    assert_eq!(breakers.of(&"a").unwrap().counts().failures, 2);
    assert_eq!(breakers.of(&"b").unwrap().counts().failures, 0);
    let none = Breakers::<u8>::new(Policy::default(), 0, rng(), Arc::new(()));
    assert_eq!(none.unwrap_err(), InvalidPolicy::Zero("capacity"));
}

#[tokio::test(start_paused = true)]
async fn breakers_of_one_table_open_for_different_times() {
    let policy = Policy {
        open: OpenTime::doubling(Duration::from_secs(60), Duration::from_secs(60), 0.5),
        ..opens_at_once()
    };
    let breakers = Breakers::new(policy, 100, rng(), Arc::new(())).unwrap();
    let mut times: Vec<_> = (0..100u32)
        .map(|key| {
            let breaker = breakers.of(&key).unwrap();
            fail(&breaker);
            let rejected = breaker.admit().unwrap_err();
            rejected.retry_after().unwrap().as_secs()
        })
        .collect();
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 20, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_that_was_offered_is_missing_from_the_totals() {
    let breaker = Breaker::new("a", opens_at_once(), rng(), Arc::new(())).unwrap();
    let busy = Outcome::Throttled { patience: None };
    for outcome in [Outcome::Success, Outcome::Excluded, busy] {
        breaker.admit().unwrap().report(outcome);
    }
    drop(breaker.admit().unwrap());
    let flying = breaker.admit().unwrap();
    fail(&breaker);
    assert!(breaker.admit().is_err());
    let totals = breaker.totals();
    assert_eq!(totals.offered, totals.refused + totals.admitted);
    assert_eq!((totals.offered, totals.refused), (7, 1));
    assert_eq!((totals.in_flight(), breaker.outstanding()), (1, 1));
    drop(flying);
    let totals = breaker.totals();
    assert_eq!(totals.admitted, totals.ended());
    let told = (totals.succeeded, totals.failed, totals.throttled);
    assert_eq!(told, (1, 1, 1));
    assert_eq!((totals.excluded, totals.cancelled), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_there_is_a_future_is_a_failure_too() {
    let breaker = Breaker::new("a", Policy::default(), rng(), Arc::new(())).unwrap();
    let panics = |(): ()| -> Ready<Result<(), ()>> { panic!("planted") };
    let mut service = BreakerLayer::new(breaker.clone(), by_result).layer(service_fn(panics));
    let called = tokio::spawn(async move { service.call(()).await });
    assert!(called.await.is_err());
    assert_eq!((breaker.counts().failures, breaker.outstanding()), (1, 0));
}
