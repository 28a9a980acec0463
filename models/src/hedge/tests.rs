//! What hedging promises.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt;

use super::*;
use crate::balance::{Balancer, Endpoint, RoundRobin};
use crate::retry::script::{
    CURABLE, Fault, READ, Request, Script, Scripted, Step, dropped_after, ms,
};
use crate::retry::{
    Attempt, Budget, Capacity, ConcurrencyBudget, Costs, GrpcTokens, TokenBudget, Tried, Unlimited,
    Wish,
};
use crate::timeout::{Deadline, DeadlinePassed, Error, InvalidLimits, Limits};

type Hedging = HedgeService<Script, Scripted>;

/// A hedge after ten milliseconds.
fn policy(attempts: u32) -> Policy {
    Policy {
        attempts,
        delay: Delay::Fixed(ms(10)),
        ..Policy::default()
    }
}

fn within(budget: Arc<dyn Budget>, policy: Policy, steps: &[Step]) -> (Hedging, Script) {
    let script = Script::new(steps);
    let service = HedgeService::new(script.clone(), policy, budget, Scripted);
    (service.unwrap(), script)
}

fn service(attempts: u32, steps: &[Step]) -> (Hedging, Script) {
    within(Arc::new(Unlimited), policy(attempts), steps)
}

async fn call(service: &Hedging, request: Request) -> Result<u32, Error<Fault>> {
    service.clone().oneshot(request).await
}

/// When the attempts of a call that begins now began, in milliseconds.
fn begun(script: &Script, since: Instant) -> Vec<u64> {
    let log = script.log();
    let each = log
        .iter()
        .map(|(_, at)| at.saturating_duration_since(since));
    each.map(|after| after.as_millis() as u64).collect()
}

#[tokio::test(start_paused = true)]
async fn a_slow_attempt_is_hedged_and_the_first_success_counts() {
    let (hedging, script) = service(2, &[(1000, Ok(1)), (5, Ok(2))]);
    let began = Instant::now();
    assert_eq!(call(&hedging, READ).await, Ok(2));
    // How much sooner, the vectors ask of the simulation, where no machine is in the way.
    assert!(began.elapsed() < ms(1000), "{:?}", began.elapsed());
    let hedge = script.log()[1].1 - began;
    assert!(hedge >= ms(10), "{hedge:?}");
    // A fast one is not.
    let (hedging, script) = service(2, &[(9, Ok(1))]);
    assert_eq!(call(&hedging, READ).await, Ok(1));
    assert_eq!(script.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn losers_are_dropped_before_the_answer_is_told() {
    let capacity = Capacity::new(500, Costs::V2_0).unwrap();
    let steps = [(1000, Ok(1)), (1000, Ok(2)), (5, Ok(3))];
    let (hedging, script) = within(Arc::new(capacity.clone()), policy(3), &steps);
    assert_eq!(call(&hedging, READ).await, Ok(3));
    assert_eq!(script.attempts(), 3);
    assert_eq!(script.living(), 0);
    assert_eq!(capacity.left(), 500);
    let counts = hedging.counts();
    assert_eq!(
        (counts.attempts, counts.succeeded, counts.open()),
        (3, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_fast_failure_does_not_win_over_a_slow_success() {
    let (hedging, script) = service(2, &[(50, Ok(1)), (1, CURABLE)]);
    assert_eq!(call(&hedging, READ).await, Ok(1));
    assert_eq!(script.attempts(), 2);
    // Nor does a refusal of ours.
    let (hedging, script) = service(3, &[(50, Ok(1)), (1, Err(Fault::Refused))]);
    assert_eq!(call(&hedging, READ).await, Ok(1));
    assert_eq!(script.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_fires_the_next_attempt_at_once() {
    let began = Instant::now();
    let (hedging, script) = service(3, &[(1, CURABLE), (1, CURABLE), (1, Ok(3))]);
    assert_eq!(call(&hedging, READ).await, Ok(3));
    let begun = begun(&script, began);
    assert_eq!(begun.len(), 3);
    assert!(begun[2] < 10, "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_none_can_cure_ends_the_call() {
    let (hedging, script) = service(3, &[(1000, Ok(1)), (1, Err(Fault::Fatal))]);
    let fatal = Err(Error::Inner(Fault::Fatal));
    assert_eq!(call(&hedging, READ).await, fatal);
    assert_eq!((script.attempts(), script.living()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_is_told_if_all_attempts_fail() {
    let (hedging, script) = service(3, &[(1, CURABLE)]);
    let fault = Error::Inner(Fault::Curable(Wish::None));
    assert_eq!(call(&hedging, READ).await, Err(fault));
    assert_eq!(script.attempts(), 3);
    assert_eq!(hedging.counts().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_push_back_delays_the_next_attempt_and_a_negative_one_stops_hedging() {
    let said = |wish| (1, Err(Fault::Curable(wish)));
    let began = Instant::now();
    let (hedging, script) = service(3, &[said(Wish::After(ms(200))), (1, Ok(2))]);
    assert_eq!(call(&hedging, READ).await, Ok(2));
    let begun = begun(&script, began);
    assert!(begun[1] >= 201 && begun[1] <= 203, "{begun:?}");
    let (hedging, script) = service(3, &[said(Wish::Never), (1, Ok(2))]);
    assert!(call(&hedging, READ).await.is_err());
    assert_eq!(script.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_never_hedged() {
    let write = Request {
        is_idempotent: false,
        ..READ
    };
    let (hedging, script) = service(3, &[(100, Ok(1))]);
    assert_eq!(call(&hedging, write).await, Ok(1));
    assert_eq!(script.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_repeated_outside_is_not_hedged() {
    let request = Request {
        is_repeated_outside: true,
        ..READ
    };
    let (hedging, script) = service(3, &[(100, Ok(1))]);
    assert_eq!(call(&hedging, request).await, Ok(1));
    assert_eq!(script.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_everything_is_slow_the_budget_bounds_the_hedges() {
    let now = Instant::now();
    let tokens = TokenBudget::new(ms(100_000), 0, 0.1, now).unwrap();
    let budgets: [(Arc<dyn Budget>, u64); 2] = [
        (Arc::new(Mutex::new(tokens)), 10),
        (Arc::new(ConcurrencyBudget::new(20, 0)), 20),
    ];
    for (budget, hedges) in budgets {
        let (hedging, script) = within(budget, policy(2), &[(100, Ok(1))]);
        let calls = (0..100).map(|_| call(&hedging, READ));
        let ended = futures_util::future::join_all(calls).await;
        assert!(ended.iter().all(Result::is_ok));
        assert_eq!(script.attempts() as u64, 100 + hedges);
        let counts = hedging.counts();
        assert_eq!(counts.unpaid, 100 - hedges);
    }
}

#[tokio::test(start_paused = true)]
async fn without_tokens_there_is_one_attempt() {
    let tokens = GrpcTokens::new(10, 0.1).unwrap();
    (0..5).for_each(|_| tokens.failed(Instant::now()));
    let (hedging, script) = within(Arc::new(tokens), policy(3), &[(100, Ok(1))]);
    assert_eq!(call(&hedging, READ).await, Ok(1));
    assert_eq!(script.attempts(), 1);
}

#[test]
fn a_hedge_goes_to_another_endpoint_or_nowhere_and_a_retry_rather_to_another() {
    let set = |names: &[&str]| {
        let each = names.iter().map(|name| Endpoint::from(*name));
        RoundRobin::new(&each.collect::<Vec<_>>())
    };
    let attempt = |is_hedge, tried: &Tried| Attempt {
        number: 2,
        deadline: None,
        is_hedge,
        fresh: false,
        tried: tried.clone(),
    };
    let (both, tried) = (set(&["a", "b"]), Tried::default());
    let first = attempt(false, &tried)
        .pick(&both, None, &mut |_| true)
        .unwrap();
    // The turn would come to the first one again after this.
    drop(both.pick(&Default::default(), &mut |_| true));
    let hedge = attempt(true, &tried)
        .pick(&both, None, &mut |_| true)
        .unwrap();
    assert_ne!(first.endpoint(), hedge.endpoint());
    assert!(
        attempt(true, &tried)
            .pick(&both, None, &mut |_| true)
            .is_err()
    );
    assert!(
        attempt(false, &tried)
            .pick(&both, None, &mut |_| true)
            .is_ok()
    );
    // Counts come back with the calls.
    drop((first, hedge));
    assert!(both.loads().iter().all(|(_, load)| *load == 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_whatever_its_attempts_do() {
    let steps = [
        (1000, Ok(1)),
        (1, Err(Fault::Curable(Wish::After(ms(5000))))),
    ];
    for left in [0, 5, 10, 15, 40] {
        let (hedging, script) = service(3, &steps);
        let deadline = Deadline::after(Instant::now(), ms(left));
        let request = Request {
            deadline: Some(deadline),
            ..READ
        };
        let passed = Err(Error::Passed(DeadlinePassed));
        // On a busy machine both timers are late; but the call is asked first.
        let late = sleep_until(deadline.instant() + ms(2));
        tokio::select! {
            biased;
            outcome = call(&hedging, request) => assert_eq!(outcome, passed, "{left}"),
            () = late => panic!("{left}: still there"),
        }
        assert!(Instant::now() >= deadline.instant());
        let begun = script.log();
        assert!(
            begun.iter().all(|(_, at)| *at < deadline.instant()),
            "{left}"
        );
        assert_eq!(script.living(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_attempt_that_would_begin_after_the_deadline() {
    let asked = Err(Fault::Curable(Wish::After(ms(5000))));
    let (hedging, _) = service(3, &[(1, asked)]);
    let began = Instant::now();
    let request = Request {
        deadline: Some(Deadline::after(began, ms(1000))),
        ..READ
    };
    let fault = asked.map_err(Error::Inner);
    assert_eq!(call(&hedging, request).await, fault);
    assert!(began.elapsed() < ms(10));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_cut_off_makes_room_for_the_next() {
    let limited = Policy {
        delay: Delay::Fixed(ms(100)),
        limits: Limits {
            total: None,
            per_try: Some(ms(20)),
        },
        ..policy(2)
    };
    let began = Instant::now();
    let (hedging, script) = within(Arc::new(Unlimited), limited, &[(1000, Ok(1)), (1, Ok(2))]);
    assert_eq!(call(&hedging, READ).await, Ok(2));
    let begun = begun(&script, began);
    assert!(begun[1] >= 20 && begun[1] <= 22, "{begun:?}");
}

#[tokio::test(start_paused = true)]
async fn no_hedge_begins_early_by_rounding() {
    let delay = Duration::from_nanos(1_700_001);
    let exact = Policy {
        delay: Delay::Fixed(delay),
        ..policy(2)
    };
    for _ in 0..20 {
        let (hedging, script) = within(Arc::new(Unlimited), exact, &[(100, Ok(1))]);
        assert_eq!(call(&hedging, READ).await, Ok(1));
        let log = script.log();
        assert!(log[1].1 - log[0].1 >= delay);
        sleep(Duration::from_nanos(333_333)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_a_percentile_of_the_last_window_and_does_not_feed_on_its_hedges() {
    let percentile = Policy {
        delay: Delay::Percentile {
            percentile: 0.9,
            window: ms(10_000),
            minimum: 20,
            least: ms(1),
        },
        ..policy(2)
    };
    // Evenly from 10 to 101 ms, in no order, and eight of a hundred take half a second.
    let takes = |n: u64| match n * 37 % 100 {
        even @ 0..92 => 10 + even,
        _ => 500,
    };
    let steps: Vec<Step> = (0..4000).map(|n| (takes(n), Ok(1))).collect();
    let (hedging, script) = within(Arc::new(Unlimited), percentile, &steps);
    let mut last = 0;
    for window in 0..8 {
        let end = Instant::now() + ms(10_000);
        let calls = hedging.counts().calls;
        while Instant::now() < end {
            call(&hedging, READ).await.unwrap();
            sleep(ms(50)).await;
        }
        let calls = hedging.counts().calls - calls;
        let hedges = script.attempts() as u64 - last - calls;
        last = script.attempts() as u64;
        if window == 0 {
            assert_eq!(hedges, 0, "nobody knew how long calls take");
        } else {
            assert!(hedges * 100 <= calls * 15, "{hedges} of {calls}");
            let delay = hedging.delay(Instant::now()).unwrap();
            assert!(delay >= ms(95) && delay <= ms(105), "{delay:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_at_any_await_point_leaves_nothing_behind() {
    let steps = [(40, Ok(1)), (5, CURABLE), (30, CURABLE), (20, Ok(1))];
    for polls in 0.. {
        let capacity = Capacity::new(500, Costs::V2_0).unwrap();
        let counted = ConcurrencyBudget::new(100, 10);
        for budget in [
            Arc::new(capacity.clone()) as Arc<dyn Budget>,
            Arc::new(counted.clone()),
        ] {
            let (hedging, script) = within(budget, policy(4), &steps);
            let outcome = dropped_after(polls, call(&hedging, READ)).await;
            assert_eq!(script.living(), 0, "after {polls} polls");
            let counts = hedging.counts();
            assert_eq!(counts.open(), 0, "after {polls} polls: {counts:?}");
            assert_eq!(counts.attempts, script.attempts() as u64);
            if outcome.is_some() {
                assert_eq!(outcome, Some(Ok(1)));
                assert!(polls > 4, "{polls} polls are too few");
                // The one that failed had cost ten, and the first one succeeded.
                assert_eq!(capacity.left(), 491);
                assert_eq!(counted.allowed(), 10);
                return;
            }
            assert_eq!(counts.cancelled, counts.calls);
        }
        assert!(capacity.left() >= 490, "after {polls} polls");
        assert_eq!(counted.allowed(), 10, "after {polls} polls");
    }
}

#[test]
fn policies_that_cannot_be_meant_are_refused() {
    let percentile = |percentile, window, minimum| Policy {
        delay: Delay::Percentile {
            percentile,
            window: ms(window),
            minimum,
            least: ms(1),
        },
        ..policy(2)
    };
    let range = |name| Err(InvalidPolicy::OutOfRange(name));
    for (policy, expected) in [
        (policy(1), range("attempts")),
        (policy(6), range("attempts")),
        (policy(5), Ok(())),
        (percentile(0.0, 1000, 1), range("percentile")),
        (percentile(1.0, 1000, 1), range("percentile")),
        (percentile(f64::NAN, 1000, 1), range("percentile")),
        (percentile(0.95, 0, 1), range("window")),
        (
            percentile(0.95, 1000, 0),
            Err(InvalidPolicy::Zero("minimum")),
        ),
        (percentile(0.95, 1000, 1), Ok(())),
    ] {
        assert_eq!(policy.validate(), expected);
    }
    let limited = |total, per_try| Policy {
        limits: Limits {
            total: Some(ms(total)),
            per_try: Some(ms(per_try)),
        },
        ..policy(2)
    };
    assert_eq!(limited(10, 9).validate(), Err(InvalidPolicy::NeverHedged));
    assert_eq!(limited(11, 9).validate(), Ok(()));
    let none = InvalidPolicy::Limits(InvalidLimits::NoTimeForAnother);
    assert_eq!(limited(11, 11).validate(), Err(none));
}
