//! Random services under retries and hedges: every call ends in time, once, and leaves nothing behind.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;
use tokio::{
    runtime,
    time::{Instant, sleep, timeout},
};
use tower::{Service, service_fn};
use windtunnel_models::{
    hedge::{self, Delay, HedgeService},
    retry::{
        Backoff, Capacity, ConcurrencyBudget, Costs, Counts, Idempotent, Jitter, Policy, Reason,
        RetryService, Verdict, Wish,
    },
    timeout::Limits,
};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What an attempt does: takes so many milliseconds, and ends so.
type Step = (u64, Verdict);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let retry = |wish| {
        Verdict::Retry(Reason {
            wish,
            ..Reason::default()
        })
    };
    let verdict = prop_oneof![
        3 => Just(Verdict::Success),
        1 => Just(Verdict::Failure),
        1 => Just(Verdict::Refused),
        1 => Just(Verdict::Unsent),
        4 => Just(retry(Wish::None)),
        1 => (0..80u64).prop_map(move |pause| retry(Wish::After(ms(pause)))),
        1 => Just(retry(Wish::Never)),
    ];
    vec((0..60u64, verdict), 1..12)
}

/// A service that does the steps one after the other, over and over, and what is known of it.
#[derive(Clone)]
struct Scene {
    steps: Arc<[Step]>,
    begun: Arc<Mutex<Vec<Instant>>>,
    living: Arc<AtomicUsize>,
}

struct Life(Arc<AtomicUsize>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Scene {
    fn new(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into(),
            begun: Arc::default(),
            living: Arc::default(),
        }
    }

    fn service(
        &self,
    ) -> impl Service<(), Response = (), Error = Verdict, Future: Send> + Clone + Send + 'static
    {
        let scene = self.clone();
        service_fn(move |()| {
            let mut begun = scene.begun.lock().expect("nobody panics");
            let (takes, verdict) = scene.steps[begun.len() % scene.steps.len()];
            begun.push(Instant::now());
            scene.living.fetch_add(1, Ordering::Relaxed);
            let life = Life(scene.living.clone());
            async move {
                let _life = life;
                sleep(ms(takes)).await;
                match verdict {
                    Verdict::Success => Ok(()),
                    other => Err(other),
                }
            }
        })
    }
}

fn judge(_: &(), result: &Result<(), Verdict>) -> Verdict {
    result.err().unwrap_or(Verdict::Success)
}

/// Calls one after the other; some callers leave after so many milliseconds.
async fn hold<S>(
    mut service: S,
    scene: &Scene,
    total: u64,
    patience: Vec<Option<u64>>,
    counts: impl Fn(&S) -> Counts,
) -> Result<(), TestCaseError>
where
    S: Service<(), Response = ()>,
{
    let (mut left, mut succeeded) = (0, 0);
    let calls = patience.len() as u64;
    for patience in patience {
        let began = Instant::now();
        let call = service.call(());
        let waits = ms(patience.unwrap_or(1_000_000));
        match timeout(waits, call).await {
            Err(_) => left += 1,
            Ok(result) => succeeded += u64::from(result.is_ok()),
        }
        // The runtime's own timers are a millisecond apart, and a caller's timeout adds one.
        let took = began.elapsed();
        prop_assert!(took <= ms(total) + ms(2), "{took:?}");
        prop_assert_eq!(scene.living.load(Ordering::Relaxed), 0);
        let begun = scene.begun.lock().expect("nobody panics");
        let end = began + ms(total);
        prop_assert!(begun.iter().all(|at| *at < end));
    }
    let counts = counts(&service);
    prop_assert_eq!(counts.calls, calls);
    prop_assert_eq!(counts.open(), 0);
    prop_assert_eq!((counts.cancelled, counts.succeeded), (left, succeeded));
    let begun = scene.begun.lock().expect("nobody panics").len() as u64;
    prop_assert_eq!(counts.attempts, begun);
    Ok(())
}

fn patience() -> impl Strategy<Value = Vec<Option<u64>>> {
    vec(
        prop_oneof![2 => Just(None), 1 => (0..200u64).prop_map(Some)],
        1..12,
    )
}

fn run<F>(property: impl Fn(Vec<Step>, u64, u64, Vec<Option<u64>>) -> F)
where
    F: Future<Output = Result<(), TestCaseError>>,
{
    let cases = (steps(), 20..300u64, 1..15u64, patience());
    let outcome = fixed::runner(300, 2_000).run(&cases, |(steps, total, short, patience)| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let property = property(steps, total, short, patience);
        runtime.expect("a runtime").block_on(property)
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn repeated_calls_end_in_time_and_leave_nothing_behind() {
    run(async |steps, total, short, patience| {
        let scene = Scene::new(steps);
        let policy = Policy {
            attempts: 5,
            backoff: Backoff {
                base: ms(short),
                cap: ms(short * 8),
                jitter: Jitter::Full,
            },
            limits: Limits {
                total: Some(ms(total)),
                per_try: Some(ms(short)),
            },
            ..Policy::default()
        };
        let capacity = Capacity::new(30, Costs::V2_0).expect("valid");
        let budget = Arc::new(capacity.clone());
        let rng = ChaCha8Rng::seed_from_u64(short);
        let inner = scene.service();
        let service = RetryService::new(inner, policy, budget, Idempotent(judge), rng);
        let service = service.expect("the policy can be meant");
        hold(service, &scene, total, patience, RetryService::counts).await?;
        prop_assert!(capacity.left() <= 30);
        Ok(())
    });
}

#[test]
fn hedged_calls_end_in_time_and_leave_nothing_behind() {
    run(async |steps, total, short, patience| {
        let scene = Scene::new(steps);
        let policy = hedge::Policy {
            attempts: 4,
            delay: Delay::Fixed(ms(short)),
            limits: Limits {
                total: Some(ms(total)),
                per_try: None,
            },
            ..hedge::Policy::default()
        };
        let budget = ConcurrencyBudget::new(20, 2);
        let shared = Arc::new(budget.clone());
        let service = HedgeService::new(scene.service(), policy, shared, Idempotent(judge));
        let service = service.expect("the policy can be meant");
        hold(service, &scene, total, patience, HedgeService::counts).await?;
        prop_assert_eq!(budget.allowed(), 2);
        let held: Vec<_> = (0..3).map_while(|_| budget.retry()).collect();
        prop_assert_eq!(held.len(), 2, "a hedge is still counted");
        Ok(())
    });
}
