//! The edge cases of the breaker, against the pure machine.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;

fn machine(policy: Policy, now: Instant) -> Machine {
    Machine::new(policy, ChaCha8Rng::seed_from_u64(1), now).unwrap()
}

fn call(machine: &mut Machine, outcome: Outcome, now: Instant) {
    let ticket = machine.admit(now).unwrap();
    machine.report(ticket, outcome, now);
}

fn opened(policy: Policy, now: Instant) -> Machine {
    let mut machine = machine(policy, now);
    (0..6).for_each(|_| call(&mut machine, Outcome::Failure, now));
    assert_eq!(machine.state(now), State::Open);
    machine
}

const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_nanos(1);

#[test]
fn breaker_reopens_after_a_failed_trial() {
    let t = Instant::now();
    let mut machine = opened(Policy::default(), t);
    let trial = t + MINUTE + TICK;
    assert_eq!(machine.state(t + MINUTE), State::Open);
    call(&mut machine, Outcome::Failure, trial);
    assert_eq!(
        machine.admit(trial),
        Err(Rejected::Open { remaining: MINUTE })
    );
}

#[test]
fn an_excluded_trial_gives_its_slot_back() {
    let t = Instant::now();
    let mut machine = opened(Policy::default(), t);
    let t = t + MINUTE + TICK;
    let ticket = machine.admit(t).unwrap();
    assert_eq!(machine.admit(t), Err(Rejected::TooManyTrials));
    machine.report(ticket, Outcome::Excluded, t);
    call(&mut machine, Outcome::Success, t);
    assert_eq!(machine.state(t), State::Closed);
}

#[test]
fn a_hung_trial_reopens_after_its_deadline_and_its_late_result_is_dropped() {
    let t = Instant::now();
    let mut machine = opened(Policy::default(), t);
    let t = t + MINUTE + TICK;
    let hung = machine.admit(t).unwrap();
    let deadline = t + Duration::from_secs(10);
    assert_eq!(machine.state(deadline), State::HalfOpen);
    assert_eq!(machine.state(deadline + TICK), State::Open);
    assert_eq!(machine.state(deadline + MINUTE), State::Open);
    let again = deadline + MINUTE + TICK;
    assert_eq!(machine.state(again), State::HalfOpen);
    machine.report(hung, Outcome::Success, again);
    assert_eq!(machine.state(again), State::HalfOpen);
}

#[test]
fn results_from_before_the_trip_neither_close_nor_reopen() {
    let t = Instant::now();
    for outcome in [Outcome::Success, Outcome::Failure] {
        let mut machine = machine(Policy::default(), t);
        let stale = machine.admit(t).unwrap();
        (0..6).for_each(|_| call(&mut machine, Outcome::Failure, t));
        let later = t + MINUTE + TICK;
        assert_eq!(machine.state(later), State::HalfOpen);
        machine.report(stale, outcome, later);
        assert_eq!(machine.state(later), State::HalfOpen);
        assert_eq!(machine.counts(later), Counts::default());
    }
}

#[test]
fn a_rolling_window_forgets_bucket_by_bucket_and_all_after_a_gap() {
    let second = Duration::from_secs(1);
    let policy = Policy {
        window: Window::Rolling {
            interval: 3 * second,
            bucket: second,
        },
        ..Policy::default()
    };
    let t = Instant::now();
    let mut machine = machine(policy, t);
    call(&mut machine, Outcome::Failure, t);
    let late = machine.admit(t + second).unwrap();
    assert_eq!(machine.counts(t + 3 * second - TICK).requests, 2);
    assert_eq!(machine.counts(t + 3 * second).requests, 1);
    assert_eq!(machine.counts(t + 3 * second).failures, 0);
    machine.report(late, Outcome::Failure, t + 4 * second);
    assert_eq!(machine.counts(t + 4 * second).failures, 0);
    call(&mut machine, Outcome::Success, t + 4 * second);
    let idle = t + Duration::from_secs(300_000_000);
    assert_eq!(machine.counts(idle), Counts::default());
}

#[test]
fn a_clock_that_steps_back_opens_nothing() {
    let t = Instant::now() + MINUTE;
    let mut machine = opened(Policy::default(), t);
    assert_eq!(machine.state(t - MINUTE), State::Open);
    assert_eq!(
        machine.admit(t - MINUTE),
        Err(Rejected::Open { remaining: MINUTE })
    );
}

#[test]
fn open_times_grow_and_differ_between_breakers() {
    let open = OpenTime {
        base: Duration::from_secs(1),
        growth: 2.0,
        max: Duration::from_secs(3),
        jitter: 0.5,
    };
    assert_eq!([0, 1, 2, 9].map(|n| open.bound(n).as_secs()), [1, 2, 3, 3]);
    let t = Instant::now();
    let remaining = |seed| {
        let policy = Policy {
            open,
            ..Policy::default()
        };
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut machine = Machine::new(policy, rng, t).unwrap();
        (0..6).for_each(|_| call(&mut machine, Outcome::Failure, t));
        machine.admit(t).unwrap_err().retry_after().unwrap()
    };
    assert_ne!(remaining(1), remaining(2));
    for seed in 0..50 {
        let open = remaining(seed).as_secs_f64();
        assert!((1.0..=1.5).contains(&open), "{open}");
    }
}

#[test]
fn nonsense_is_refused_when_a_breaker_is_built() {
    let with = |change: fn(&mut Policy)| {
        let mut policy = Policy::default();
        change(&mut policy);
        policy.validate()
    };
    let ratio = |ratio| Trip::FailureRatio { minimum: 1, ratio };
    assert_eq!(
        with(|p| p.max_trials = 0),
        Err(InvalidPolicy::Zero("max_trials"))
    );
    assert_eq!(
        with(|p| p.open.jitter = f64::NAN),
        Err(InvalidPolicy::OutOfRange("open.jitter"))
    );
    assert_eq!(
        with(|p| p.trial_timeout = Duration::MAX),
        Err(InvalidPolicy::TooLong("trial_timeout"))
    );
    for bad in [f64::NAN, 0.0, -1.0, 1.1, f64::INFINITY] {
        let policy = Policy {
            trip: ratio(bad),
            ..Policy::default()
        };
        assert_eq!(
            policy.validate(),
            Err(InvalidPolicy::OutOfRange("trip.ratio"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_is_excluded_and_an_observer_may_ask_the_breaker() {
    use std::sync::{Arc, Mutex, OnceLock};
    #[derive(Default)]
    struct Asks(OnceLock<Breaker>, Mutex<Vec<State>>);
    impl Observer for Asks {
        fn changed(&self, _: &str, _: &Change) {
            let state = self.0.get().unwrap().state();
            self.1.lock().unwrap().push(state);
        }
    }
    let asks = Arc::new(Asks::default());
    let rng = ChaCha8Rng::seed_from_u64(1);
    let breaker = Breaker::new("a", Policy::default(), rng, asks.clone()).unwrap();
    asks.0.set(breaker.clone()).unwrap();
    drop(breaker.admit().unwrap());
    assert_eq!(breaker.counts().exclusions, 1);
    for _ in 0..6 {
        breaker.admit().unwrap().report(Outcome::Failure);
    }
    assert_eq!(*asks.1.lock().unwrap(), [State::Open]);
    assert!(breaker.admit().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_is_raised_again() {
    use tower::{Layer, Service};
    let rng = ChaCha8Rng::seed_from_u64(1);
    let breaker = Breaker::new("a", Policy::default(), rng, std::sync::Arc::new(())).unwrap();
    let layer = BreakerLayer::new(breaker.clone(), by_result::<(), ()>);
    let mut service = layer.layer(tower::service_fn(async |(): ()| -> Result<(), ()> {
        panic!("planted")
    }));
    assert!(tokio::spawn(service.call(())).await.is_err());
    assert_eq!(breaker.counts().failures, 1);
}
