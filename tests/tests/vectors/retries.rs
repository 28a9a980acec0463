//! Retries of several layers, and what budgets make of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;
use tower::util::BoxCloneService;
use tower::{Service, ServiceExt, service_fn};
use windtunnel_models::retry::{
    Attempt, Backoff, Budget, Capacity, ConcurrencyBudget, Costs, GrpcTokens, Idempotent, Kind,
    Policy, Protocol, Reason, RetryService, TokenBudget, Verdict,
};

use crate::row::Vector;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

type Failing = BoxCloneService<(), (), ()>;

/// `layers` layers of three retries each around a service that always fails and counts its calls.
fn tower_of(layers: u32, ratio: f64, per_second: u32) -> (Failing, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let counter = calls.clone();
    let mut service: Failing = BoxCloneService::new(service_fn(move |()| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Err(()) }
    }));
    for layer in 0..layers {
        let policy = Policy {
            attempts: 4,
            backoff: Backoff {
                base: Duration::from_nanos(1),
                cap: Duration::from_nanos(1),
                ..Backoff::default()
            },
            ..Policy::default()
        };
        let budget = TokenBudget::new(60 * ms(1000), per_second, ratio, Instant::now());
        let rng = ChaCha8Rng::seed_from_u64(u64::from(layer));
        let budget = Arc::new(Mutex::new(budget.unwrap()));
        let always = Idempotent(|_: &_, _: &_| Verdict::Retry(Reason::default()));
        let layer = RetryService::new(service, policy, budget, always, rng).unwrap();
        service = BoxCloneService::new(layer.map_err(|_| ()));
    }
    (service, calls)
}

async fn failed_calls(service: &Failing, count: u32) {
    for _ in 0..count {
        let mut call = service.clone();
        let outcome = call.ready().await.unwrap().call(()).await;
        assert_eq!(outcome, Err(()), "the innermost service always fails");
    }
}

#[tokio::test]
async fn v25_layers_multiply_their_retries() {
    let v = Vector::new("V-25", "product of the layers, no budget that binds");
    for (layers, expected) in [(1, 4), (2, 16), (3, 64), (4, 256)] {
        let (service, calls) = tower_of(layers, 1.0, 1000);
        failed_calls(&service, 1).await;
        let calls = calls.load(Ordering::Relaxed);
        v.exact(&format!("{layers} layers"), expected, calls);
    }
}

/// Requests that say whether somebody further out repeats them.
struct Marking;

impl Protocol<bool, (), ()> for Marking {
    fn judge(&self, _: &bool, _: &Result<(), ()>) -> Verdict {
        Verdict::Retry(Reason::default())
    }

    fn is_idempotent(&self, _: &bool) -> bool {
        true
    }

    fn attempt(&self, _: &mut bool, _: &Attempt) -> Option<bool> {
        Some(true)
    }

    fn is_repeated_outside(&self, request: &bool) -> bool {
        *request
    }
}

#[tokio::test]
async fn v25_layers_that_see_a_mark_leave_the_retries_to_the_outermost() {
    let v = Vector::new("V-25", "layers that see that another one repeats");
    for layers in 1..=4 {
        let calls = Arc::new(AtomicU64::new(0));
        let counter = calls.clone();
        let mut service = BoxCloneService::new(service_fn(move |_: bool| {
            counter.fetch_add(1, Ordering::Relaxed);
            async { Err(()) }
        }));
        for layer in 0..layers {
            let policy = Policy {
                attempts: 4,
                ..Policy::default()
            };
            let budget = TokenBudget::new(60 * ms(1000), 1000, 1.0, Instant::now());
            let budget = Arc::new(Mutex::new(budget.unwrap()));
            let rng = ChaCha8Rng::seed_from_u64(layer);
            let layer = RetryService::new(service, policy, budget, Marking, rng).unwrap();
            service = BoxCloneService::new(layer.map_err(|_| ()));
        }
        assert_eq!(service.oneshot(false).await, Err(()));
        let calls = calls.load(Ordering::Relaxed);
        v.exact(&format!("{layers} layers"), 4, calls);
    }
}

#[tokio::test]
async fn v25_budgets_bound_the_product() {
    let v = Vector::new("V-25", "product of the layers, budgets of 10 %");
    for layers in 1..=4 {
        let (service, calls) = tower_of(layers, 0.1, 0);
        failed_calls(&service, 200).await;
        let factor = calls.load(Ordering::Relaxed) as f64 / 200.0;
        let bound = 1.1f64.powi(layers as i32);
        v.at_most(&format!("{layers} layers"), bound, factor);
        assert!(factor > 1.0, "no retry at all would pass, too");
    }
}

#[test]
fn v27a_grpc_retries_only_while_more_than_half_of_the_tokens_are_there() {
    let v = Vector::new("V-27a", "gRPC A6, 10 tokens, ratio 0.1");
    let now = Instant::now();
    let tokens = GrpcTokens::new(10, 0.1).unwrap();
    for failures in 1..=5 {
        tokens.failed(now);
        let what = format!("{failures} failures");
        let left = 10_000 - failures * 1000;
        v.exact(&format!("{what}: thousandths"), left, tokens.thousandths());
        let retried = tokens.retry(Kind::Transient, now).is_some();
        v.exact(&format!("{what}: a retry"), failures < 5, retried);
    }
    tokens.succeeded(true, now);
    v.exact("1 success: thousandths", 5100, tokens.thousandths());
    let retried = tokens.retry(Kind::Transient, now).is_some();
    v.exact("1 success: a retry", true, retried);
}

#[test]
fn v27b_the_capacity_of_the_aws_sdks_lasts_for_so_many_retries() {
    let v = Vector::new("V-27b", "AWS SDK, capacity 500");
    let now = Instant::now();
    for (what, costs, kind, expected) in [
        ("retries, 2.0", Costs::V2_0, Kind::Transient, 100),
        ("timeouts, 2.0", Costs::V2_0, Kind::Timeout, 50),
        ("retries, 2.1", Costs::V2_1, Kind::Transient, 35),
        ("timeouts, 2.1", Costs::V2_1, Kind::Timeout, 35),
        ("throttled, 2.1", Costs::V2_1, Kind::Throttled, 100),
    ] {
        let capacity = Capacity::new(500, costs).unwrap();
        let mut paid = 0;
        while let Some(retry) = capacity.retry(kind, now) {
            retry.spend();
            paid += 1;
        }
        v.exact(what, expected, paid);
    }
}

#[test]
fn v27c_deposits_are_forgotten_slot_by_slot() {
    let v = Vector::new("V-27c", "tower, token budget");
    let t = Instant::now();
    let budget = || TokenBudget::new(ms(1000), 0, 0.5, t).unwrap();

    let mut two = budget();
    two.deposit(t);
    two.deposit(t);
    let at = t + ms(901);
    v.exact("2 deposits, at +901 ms", true, two.withdraw(at));
    v.exact("once more", false, two.withdraw(at));
    v.exact("2001 ms later", false, two.withdraw(at + ms(2001)));
    let mut unspent = budget();
    unspent.deposit(t);
    unspent.deposit(t);
    v.exact("unspent for 2001 ms", false, unspent.withdraw(t + ms(2001)));

    let mut three = budget();
    for at in [0, 301, 1102] {
        three.deposit(t + ms(at));
    }
    let at = t + ms(1102);
    v.exact("0, 301, 1102 ms", true, three.withdraw(at));
    // If the first were still there, it and this one would pay another.
    three.deposit(at);
    v.exact("the first is gone", false, three.withdraw(at));
    three.deposit(at);
    v.exact("another two pay another", true, three.withdraw(at));

    let mut reserve = TokenBudget::new(ms(1000), 5, 1.0, t).unwrap();
    let paid = (0..20).filter(|_| reserve.withdraw(t)).count();
    v.exact("reserve of 5 per second", 5, paid);
}

#[test]
fn v27d_a_share_of_what_is_active_and_never_below_a_minimum() {
    let v = Vector::new("V-27d", "Envoy, retry budget of 20 %, at least 3");
    for (active, expected) in [(100, 20), (4, 3), (0, 3)] {
        let budget = ConcurrencyBudget::new(20, 3);
        let _calls: Vec<_> = (0..active).map(|_| budget.call()).collect();
        let retries: Vec<_> = (0..200).map_while(|_| budget.retry()).collect();
        v.exact(&format!("{active} active"), expected, retries.len());
    }
}
