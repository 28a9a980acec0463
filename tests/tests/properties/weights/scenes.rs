//! What time does to the weighted and the load-aware balancers: scenes in which it passes as told.

use super::*;
use windtunnel_models::balance::SlowStart;
use windtunnel_models::balance::load::{
    LeastRequest, LeastRequestPolicy, PeakEwma, PeakEwmaPolicy, PowerOfTwoEwma,
    PowerOfTwoEwmaPolicy,
};
use windtunnel_models::balance::turns::{EarliestDeadline, EarliestDeadlinePolicy};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const FAILURE: Outcome = Outcome::Failure { patience: None };

fn list(names: &str) -> Vec<Endpoint> {
    names.split_whitespace().map(Into::into).collect()
}

fn peak(names: &str) -> PeakEwma {
    let built = PeakEwma::new(&list(names), PeakEwmaPolicy::default(), rng());
    built.expect("it can be meant")
}

fn ewma(names: &str) -> PowerOfTwoEwma {
    let built = PowerOfTwoEwma::new(&list(names), PowerOfTwoEwmaPolicy::default(), rng());
    built.expect("it can be meant")
}

fn pick(balancer: &dyn Balancer) -> InFlight {
    let pick = balancer.pick(&Call::default(), &mut |_| true);
    pick.expect("all admit")
}

fn pick_only(balancer: &dyn Balancer, only: &str) -> InFlight {
    let pick = balancer.pick(&Call::default(), &mut |name| **name == *only);
    pick.expect("it is in the set")
}

/// So many calls that end at once; `down` refuses.
fn turn(balancer: &dyn Balancer, count: usize, down: &str) -> String {
    let pick = |_| {
        let pick = balancer.pick(&Call::default(), &mut |name| **name != *down);
        pick.expect("the others admit").endpoint().to_string()
    };
    (0..count).map(pick).collect()
}

/// A call there that takes so long.
async fn call(balancer: &dyn Balancer, only: &str, took: Duration, outcome: Outcome) {
    let mut call = pick_only(balancer, only);
    time::sleep(took).await;
    call.report(outcome);
}

/// In milliseconds.
fn cost(balancer: &PeakEwma, name: &str) -> f64 {
    let costs = balancer.costs();
    let found = costs.iter().find(|(known, _)| **known == *name);
    found.expect("it is in the set").1 / 1e6
}

#[tokio::test]
async fn an_endpoint_that_joins_gets_its_share_little_by_little() {
    let policy = EarliestDeadlinePolicy {
        slow_start: Some(SlowStart::over(60 * SECOND)),
    };
    let balancer = EarliestDeadline::new(&list("a b c"), policy, rng()).unwrap();
    // Those of the first set have their share at once.
    assert_eq!(turn(&balancer, 300, "").matches('a').count(), 100);
    balancer.update(&list("a b c d"));
    let mut shares = Vec::new();
    for _ in 0..7 {
        shares.push(turn(&balancer, 1000, "").matches('d').count());
        time::sleep(10 * SECOND).await;
    }
    // A tenth of the others' 1000 / 3.1, then age / 60 of it, then all of it.
    assert!((28..=36).contains(&shares[0]), "{shares:?}");
    assert!((135..=147).contains(&shares[3]), "{shares:?}");
    assert!(shares.is_sorted(), "{shares:?}");
    assert_eq!(shares[6], 250, "{shares:?}");
}

#[tokio::test]
async fn a_call_counts_until_it_ends_and_not_until_its_outcome_is_known() {
    let balancer = peak("a");
    let mut body = pick(&balancer);
    time::sleep(10 * MS).await;
    body.report(Outcome::Success);
    time::sleep(2 * SECOND).await;
    assert_eq!(balancer.loads()[0].1, 1);
    drop(body);
    assert_eq!(balancer.loads()[0].1, 0);
    // What was measured is the body, not the 10 ms of its headers.
    assert_eq!(cost(&balancer, "a"), 2010.0);
}

#[tokio::test]
async fn an_endpoint_that_fails_fast_attracts_nothing() {
    let balancer = peak("a b");
    let mut fast = 0;
    for _ in 0..500 {
        let mut call = pick(&balancer);
        let is_bad = &**call.endpoint() == "a";
        fast += u32::from(is_bad);
        time::sleep(if is_bad { MS } else { 50 * MS }).await;
        call.report(if is_bad { FAILURE } else { Outcome::Success });
    }
    // It takes 46 s until the penalty has decayed to the other's 50 ms; this took 25 s.
    assert_eq!(fast, 1, "of 500 to the one that fails");
}

#[tokio::test]
async fn a_failure_costs_five_seconds_or_its_hint_up_to_300() {
    let hint = |secs| Outcome::Failure {
        patience: Some(Duration::from_secs(secs)),
    };
    for (outcome, expected) in [
        (FAILURE, 5_000.0),
        (hint(7), 7_000.0),
        (hint(1_000), 300_000.0),
        (hint(0), 5_000.0),
    ] {
        let balancer = peak("a");
        call(&balancer, "a", MS, outcome).await;
        assert_eq!(cost(&balancer, "a"), expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_cancelled_call_makes_an_endpoint_look_slow_but_never_quick() {
    let balancer = peak("a");
    call(&balancer, "a", 3 * SECOND, Outcome::Cancelled).await;
    assert_eq!(cost(&balancer, "a"), 3_000.0);
    let before = cost(&balancer, "a");
    drop(pick(&balancer));
    assert_eq!(cost(&balancer, "a"), before);
}

#[tokio::test]
async fn an_endpoint_that_was_slow_once_is_tried_again() {
    let balancer = peak("slow quick");
    call(&balancer, "slow", 30 * SECOND, Outcome::Success).await;
    let mut tried = None;
    for round in 0..2_000 {
        let mut call = pick(&balancer);
        if &**call.endpoint() == "slow" {
            tried = Some(round);
            break;
        }
        time::sleep(50 * MS).await;
        call.report(Outcome::Success);
    }
    // 30 s decay to 50 ms in ln(600) × 10 s = 64 s, which are 1280 rounds.
    let tried = tried.expect("it is tried");
    assert!((1_270..=1_290).contains(&tried), "{tried}");
}

#[tokio::test]
async fn an_endpoint_that_was_idle_for_long_gets_one_call_until_it_answers() {
    let balancer = peak("idle busy");
    call(&balancer, "idle", 50 * MS, Outcome::Success).await;
    time::sleep(600 * SECOND).await;
    call(&balancer, "busy", 50 * MS, Outcome::Success).await;
    // Many calls at once, before the first of them is answered.
    let calls: Vec<_> = (0..18).map(|_| pick(&balancer)).collect();
    let at_idle = |calls: &[InFlight]| {
        let at = calls.iter().filter(|call| &**call.endpoint() == "idle");
        at.count()
    };
    assert_eq!(at_idle(&calls), 1, "{:?}", balancer.loads());
    time::sleep(50 * MS).await;
    for mut call in calls {
        call.report(Outcome::Success);
    }
    // It answered as quickly as the other one, so it shares from now on.
    let calls: Vec<_> = (0..20).map(|_| pick(&balancer)).collect();
    assert!(
        (9..=11).contains(&at_idle(&calls)),
        "{:?}",
        balancer.loads()
    );
}

#[tokio::test]
async fn an_endpoint_in_slow_start_gets_part_of_its_least_requests() {
    let policy = LeastRequestPolicy {
        slow_start: Some(SlowStart::over(60 * SECOND)),
        ..LeastRequestPolicy::default()
    };
    let balancer = LeastRequest::new(&list("a b c"), policy, rng()).unwrap();
    balancer.update(&list("a b c d"));
    let young = turn(&balancer, 1_000, "").matches('d').count();
    time::sleep(30 * SECOND).await;
    let older = turn(&balancer, 1_000, "").matches('d').count();
    time::sleep(30 * SECOND).await;
    let grown = turn(&balancer, 1_000, "").matches('d').count();
    assert!((28..=36).contains(&young), "{young}");
    assert!((135..=147).contains(&older), "{older}");
    assert!((210..=290).contains(&grown), "{grown}");
}

#[tokio::test]
async fn an_endpoint_that_was_not_picked_for_longer_than_a_second_is_picked_though_it_is_dearer() {
    let balancer = ewma("a b");
    call(&balancer, "a", 900 * MS, Outcome::Success).await;
    call(&balancer, "b", MS, Outcome::Success).await;
    // Picked at 0 and 900 ms; now it is 901 ms.
    time::sleep(99 * MS).await;
    assert_eq!(
        turn(&balancer, 1, ""),
        "b",
        "exactly a second is not longer"
    );
    time::sleep(MS).await;
    assert_eq!(turn(&balancer, 3, ""), "abb");
}

#[tokio::test]
async fn a_forced_pick_that_was_refused_is_still_to_be_made() {
    let balancer = ewma("a b");
    call(&balancer, "a", 900 * MS, Outcome::Success).await;
    call(&balancer, "b", MS, Outcome::Success).await;
    time::sleep(200 * MS).await;
    assert_eq!(turn(&balancer, 1, "a"), "b");
    assert_eq!(turn(&balancer, 2, ""), "ab");
}

#[tokio::test]
async fn endpoints_that_fail_are_drawn_only_if_three_draws_find_no_others() {
    let balancer = ewma("a b c d e f");
    for name in ["a", "b", "c", "d", "e", "f"] {
        let outcome = if name == "a" {
            FAILURE
        } else {
            Outcome::Success
        };
        call(&balancer, name, MS, outcome).await;
    }
    // A pair with `a` is a third of all pairs, three in a row are a 27th, and half of those prefer it.
    let picks = turn(&balancer, 2_700, "");
    let failing = picks.matches('a').count();
    assert!((25..=100).contains(&failing), "{failing} of 2700");
}

#[tokio::test]
async fn lag_and_success_are_moving_averages_of_go_zeros_law() {
    let balancer = ewma("a b");
    // √(10^8 + 1) = 10 000; then 10^8 e^-0.1 + 4 · 10^8 (1 - e^-0.1) = 128 548 774, whose root is 11 337.
    call(&balancer, "a", 100 * MS, Outcome::Success).await;
    time::sleep(600 * MS).await;
    call(&balancer, "a", 400 * MS, Outcome::Success).await;
    // √(132 000 000 + 1) = 11 489 is above and √(125 000 000 + 1) = 11 180 below.
    for (took, expected) in [(132 * MS, "a"), (125 * MS, "b")] {
        balancer.update(&list("a"));
        balancer.update(&list("a b"));
        call(&balancer, "b", took, Outcome::Success).await;
        drop(pick_only(&balancer, "a"));
        assert_eq!(turn(&balancer, 1, ""), expected);
    }
}
