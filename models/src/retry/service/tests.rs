//! What repetition promises around a service.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::sleep_until;

use super::*;
use crate::retry::script::{
    CURABLE, Fault, PANIC, READ, Request, Script, Scripted, Step, dropped_after, ms,
};
use crate::retry::{Backoff, Capacity, Costs, Jitter, Unlimited};
use crate::timeout::Limits;

/// Attempts are a hundred milliseconds apart.
fn policy(attempts: u32) -> Policy {
    Policy {
        attempts,
        backoff: Backoff {
            base: ms(50),
            cap: ms(100),
            jitter: Jitter::None,
        },
        ..Policy::default()
    }
}

type Repeated = RetryService<Script, Scripted>;

fn within(budget: Arc<dyn Budget>, policy: Policy, steps: &[Step]) -> (Repeated, Script) {
    let script = Script::new(steps);
    let rng = ChaCha8Rng::seed_from_u64(0);
    let service = RetryService::new(script.clone(), policy, budget, Scripted, rng);
    (service.unwrap(), script)
}

fn service(policy: Policy, steps: &[Step]) -> (Repeated, Script) {
    within(Arc::new(Unlimited), policy, steps)
}

async fn call(service: &Repeated, request: Request) -> Result<u32, Error<Fault>> {
    service.clone().oneshot(request).await
}

#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_until_it_succeeds_or_its_attempts_are_made() {
    let (repeated, script) = service(policy(3), &[(0, CURABLE), (0, CURABLE), (0, Ok(7))]);
    let began = Instant::now();
    assert_eq!(call(&repeated, READ).await, Ok(7));
    assert_eq!(script.attempts(), 3);
    assert!(began.elapsed() >= ms(200));
    let (repeated, script) = service(policy(3), &[(0, CURABLE)]);
    let fault = Fault::Curable(Wish::None);
    assert_eq!(call(&repeated, READ).await, Err(Error::Inner(fault)));
    assert_eq!(script.attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_ours_is_not_repeated_and_costs_nothing() {
    let capacity = Capacity::new(500, Costs::V2_0).unwrap();
    let steps = [(0, CURABLE), (0, Err(Fault::Refused)), (0, Ok(1))];
    let (repeated, script) = within(Arc::new(capacity.clone()), policy(3), &steps);
    let refused = Err(Error::Inner(Fault::Refused));
    assert_eq!(call(&repeated, READ).await, refused);
    assert_eq!(script.attempts(), 2);
    assert_eq!(capacity.left(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_repeated_outside_gets_one_attempt() {
    let capacity = Capacity::new(500, Costs::V2_0).unwrap();
    let (repeated, script) = within(Arc::new(capacity.clone()), policy(3), &[(0, CURABLE)]);
    let request = Request {
        is_repeated_outside: true,
        ..READ
    };
    assert!(call(&repeated, request).await.is_err());
    assert_eq!(script.attempts(), 1);
    assert_eq!(capacity.left(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_is_replaced_once_by_a_fresh_one_for_nothing() {
    let capacity = Capacity::new(500, Costs::V2_0).unwrap();
    let steps = [(0, Err(Fault::Unsent)), (0, Ok(1))];
    let (repeated, script) = within(Arc::new(capacity.clone()), policy(1), &steps);
    assert_eq!(call(&repeated, READ).await, Ok(1));
    let fresh: Vec<_> = script
        .log()
        .iter()
        .map(|(attempt, _)| attempt.fresh)
        .collect();
    assert_eq!(fresh, [false, true]);
    assert_eq!(capacity.left(), 500);
    // A second one is a failure like any other.
    let (repeated, script) = service(policy(1), &[(0, Err(Fault::Unsent))]);
    assert!(call(&repeated, READ).await.is_err());
    assert_eq!(script.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_and_none_goes_on_after_the_deadline() {
    for left in [0, 50, 99, 100, 101, 150, 250, 1000] {
        let deadline = Deadline::after(Instant::now(), ms(left));
        let request = Request {
            deadline: Some(deadline),
            ..READ
        };
        let (repeated, script) = service(policy(100), &[(30, CURABLE)]);
        ends_by(deadline.instant(), call(&repeated, request)).await;
        let begun = script.log();
        assert!(
            begun.iter().all(|(_, at)| *at < deadline.instant()),
            "{left}"
        );
        assert_eq!(script.living(), 0);
        // The first is cut off, or ends and leaves less time than the pause, or another follows.
        let expected = (left as usize).div_ceil(130);
        let gaps: Vec<_> = begun.windows(2).map(|two| two[1].1 - two[0].1).collect();
        assert!(gaps.iter().all(|gap| *gap >= ms(130)), "{left}: {gaps:?}");
        // Where the machine is late, fewer fit.
        let is_punctual = gaps.iter().all(|gap| *gap <= ms(131));
        let fits = begun.len() == expected || (!is_punctual && begun.len() < expected);
        assert!(fits, "{left}: {} of {expected}, {gaps:?}", begun.len());
    }
}

/// Waits for a call that fails by `instant`. On a busy machine its timer and the one that watches it are
/// both late; but the call is asked first.
async fn ends_by<T, E>(instant: Instant, call: impl Future<Output = Result<T, E>>) {
    let late = sleep_until(instant + ms(2));
    tokio::select! {
        biased;
        outcome = call => assert!(outcome.is_err()),
        () = late => panic!("it is still there"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_never_outlives_the_call() {
    let limits = Limits {
        total: Some(ms(500)),
        per_try: Some(ms(200)),
    };
    let limited = Policy {
        limits,
        ..policy(10)
    };
    let (repeated, script) = service(limited, &[(10_000, Ok(1))]);
    let began = Instant::now();
    ends_by(began + ms(500), async {
        let outcome = call(&repeated, READ).await;
        assert_eq!(outcome, Err(Error::Passed(DeadlinePassed)));
        outcome
    })
    .await;
    assert!(began.elapsed() >= ms(500));
    let cuts = script.log().into_iter().map(|(attempt, _)| {
        let cut = attempt.deadline.unwrap().instant();
        cut.saturating_duration_since(began).as_millis()
    });
    assert_eq!(cuts.collect::<Vec<_>>(), [200, 500]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_cut_off_is_not_repeated_and_a_read_is() {
    let limited = || Policy {
        limits: Limits {
            total: None,
            per_try: Some(ms(10)),
        },
        ..policy(3)
    };
    for (is_idempotent, attempts) in [(false, 1), (true, 3)] {
        let (repeated, script) = service(limited(), &[(1000, Ok(1))]);
        let request = Request {
            is_idempotent,
            ..READ
        };
        assert!(call(&repeated, request).await.is_err());
        assert_eq!(script.attempts(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn no_pause_ends_early_by_rounding() {
    let mut exact = policy(2);
    exact.backoff.base = Duration::from_nanos(1_700_001);
    exact.backoff.cap = Duration::from_nanos(1_700_001);
    for _ in 0..20 {
        let (repeated, script) = service(exact.clone(), &[(0, CURABLE)]);
        assert!(call(&repeated, READ).await.is_err());
        let log = script.log();
        let pause = log[1].1 - log[0].1;
        assert!(pause >= exact.backoff.cap, "{pause:?}");
        sleep(Duration::from_nanos(333_333)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_service_share_its_budget() {
    let budget = Arc::new(Capacity::new(10, Costs::V2_0).unwrap());
    let (repeated, script) = within(budget, policy(2), &[(0, CURABLE)]);
    for _ in 0..5 {
        assert!(call(&repeated.clone(), READ).await.is_err());
    }
    // Two retries of five are paid.
    assert_eq!(script.attempts(), 5 + 2);
    assert_eq!(repeated.counts().unpaid, 3);
}

#[tokio::test(start_paused = true)]
async fn clients_that_fail_together_part() {
    let mut begun = BTreeSet::new();
    for seed in 0..20 {
        let script = Script::new(&[(0, CURABLE)]);
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (policy, budget) = (Policy::default(), Arc::new(Unlimited));
        let repeated = RetryService::new(script.clone(), policy, budget, Scripted, rng).unwrap();
        assert!(call(&repeated, READ).await.is_err());
        let log = script.log();
        begun.insert(log[1].1 - log[0].1);
    }
    assert!(begun.len() >= 15, "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_at_any_await_point_leaves_nothing_behind() {
    let steps = [
        (5, CURABLE),
        (5, Err(Fault::Unsent)),
        (5, CURABLE),
        (5, Ok(1)),
    ];
    for polls in 0.. {
        let capacity = Capacity::new(500, Costs::V2_0).unwrap();
        let (repeated, script) = within(Arc::new(capacity.clone()), policy(4), &steps);
        let outcome = dropped_after(polls, call(&repeated, READ)).await;
        assert_eq!(script.living(), 0, "after {polls} polls");
        let counts = repeated.counts();
        assert_eq!(counts.open(), 0, "after {polls} polls: {counts:?}");
        assert_eq!(counts.attempts, script.attempts() as u64);
        // Only the failure of a retry costs: what the attempt under way held came back.
        let is_spent = capacity.left() == 495 && script.attempts() >= 3;
        assert!(capacity.left() == 500 || is_spent, "after {polls} polls");
        if outcome.is_some() {
            assert_eq!(outcome, Some(Ok(1)));
            assert_eq!(counts.succeeded, 1);
            assert!(polls > 6, "{polls} polls are too few for four attempts");
            break;
        }
        assert_eq!(counts.cancelled, counts.calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_poisons_nothing() {
    let (repeated, script) = service(policy(2), &[PANIC, (0, Ok(1))]);
    let panicked = AssertUnwindSafe(call(&repeated, READ)).catch_unwind().await;
    assert!(panicked.is_err());
    assert_eq!(script.living(), 0);
    assert_eq!(repeated.counts().cancelled, 1);
    assert_eq!(call(&repeated, READ).await, Ok(1));
    assert_eq!(repeated.counts().succeeded, 1);
}
