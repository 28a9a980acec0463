//! What the balancers that look at load promise.

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::sleep;

use super::super::tests::{gives_back_a_cancelled_call, rng, set, turn, weighted};
use super::super::{Balancer, Call, EarliestDeadline, InFlight, InvalidPolicy, Outcome, SlowStart};
use super::*;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const FAILURE: Outcome = Outcome::Failure { patience: None };

fn least(list: &str) -> LeastRequest {
    LeastRequest::new(&weighted(list), LeastRequestPolicy::default(), rng()).unwrap()
}

fn peak(list: &str) -> PeakEwma {
    PeakEwma::new(&set(list), PeakEwmaPolicy::default(), rng()).unwrap()
}

fn ewma(list: &str) -> PowerOfTwoEwma {
    PowerOfTwoEwma::new(&set(list), PowerOfTwoEwmaPolicy::default(), rng()).unwrap()
}

fn pick(balancer: &dyn Balancer) -> InFlight {
    balancer.pick(&Call::default(), &mut |_| true).unwrap()
}

fn pick_only(balancer: &dyn Balancer, only: &str) -> InFlight {
    balancer
        .pick(&Call::default(), &mut |name| **name == *only)
        .unwrap()
}

/// A call there that takes so long.
async fn call(balancer: &dyn Balancer, only: &str, took: Duration, outcome: Outcome) {
    let mut call = pick_only(balancer, only);
    sleep(took).await;
    call.report(outcome);
}

fn cost(balancer: &PeakEwma, name: &str) -> f64 {
    let costs = balancer.costs();
    let found = costs.iter().find(|(known, _)| **known == *name);
    found.expect("it is in the set").1 / 1e6
}

#[test]
fn of_two_endpoints_the_dearer_one_is_never_picked() {
    let balancers: [Box<dyn Balancer>; 2] = [Box::new(peak("a b")), Box::new(ewma("a b"))];
    for balancer in balancers {
        // Nobody is forgotten.
        drop(pick_only(&*balancer, "b"));
        let _busy = pick_only(&*balancer, "a");
        for _ in 0..200 {
            assert_eq!(turn(&*balancer, 1, ""), "b", "{balancer:?}");
        }
    }
}

#[tokio::test]
async fn a_cancelled_call_weighs_no_longer() {
    gives_back_a_cancelled_call(Arc::new(least("a"))).await;
    gives_back_a_cancelled_call(Arc::new(peak("a"))).await;
    gives_back_a_cancelled_call(Arc::new(ewma("a"))).await;
}

#[tokio::test]
async fn a_call_counts_until_it_ends_and_not_until_its_outcome_is_known() {
    let balancer = peak("a");
    let mut body = pick(&balancer);
    sleep(10 * MS).await;
    body.report(Outcome::Success);
    sleep(2 * SECOND).await;
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
        sleep(if is_bad { MS } else { 50 * MS }).await;
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
        sleep(50 * MS).await;
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
    sleep(600 * SECOND).await;
    call(&balancer, "busy", 50 * MS, Outcome::Success).await;
    // Many calls at once, before the first of them is answered.
    let calls: Vec<_> = (0..18).map(|_| pick(&balancer)).collect();
    let at_idle = |calls: &[InFlight]| {
        let at = calls.iter().filter(|call| &**call.endpoint() == "idle");
        at.count()
    };
    assert_eq!(at_idle(&calls), 1, "{:?}", balancer.loads());
    sleep(50 * MS).await;
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

#[test]
fn the_busier_one_of_two_still_gets_a_quarter_of_least_requests() {
    let balancer = least("a b");
    let _busy = pick_only(&balancer, "a");
    let picks = turn(&balancer, 4_000, "");
    let busier = picks.matches('a').count();
    assert!((920..=1_080).contains(&busier), "{busier} of 4000");
}

#[test]
fn where_weights_differ_calls_in_flight_make_a_weight_lighter() {
    let balancer = least("a2 b1");
    let picks = turn(&balancer, 300, "");
    assert_eq!(picks.matches('a').count(), 200);
    // Held calls: the weights of both fall until they are 2 : 1 in flight.
    let _held: Vec<_> = (0..300).map(|_| pick(&balancer)).collect();
    let loads = balancer.loads();
    let [a, b] = [loads[0].1 as f64, loads[1].1 as f64];
    // Their periods are (n + 1) / w, so n grows as √w.
    assert!((a / b - 2f64.sqrt()).abs() < 0.05, "{loads:?}");
}

/// Of the next 20 calls, none of which ends, those that a newcomer gets where all others have 20 each.
fn to_a_newcomer(old: &str, new: &str) -> usize {
    let balancer = least(old);
    let names: Vec<_> = balancer.loads().into_iter().map(|(name, _)| name).collect();
    let each = names.iter().cycle().take(20 * names.len());
    let _held: Vec<_> = each.map(|name| pick_only(&balancer, name)).collect();
    balancer.update(&weighted(&format!("{old} {new}")));
    let _next: Vec<_> = (0..20).map(|_| pick(&balancer)).collect();
    balancer.loads().last().expect("the newcomer").1
}

#[test]
fn an_endpoint_that_joins_with_nothing_in_flight_does_not_get_everything() {
    let level = to_a_newcomer("a b c d e f g h i j", "k");
    assert!((1..=8).contains(&level), "{level} of 20");
    let weighted = to_a_newcomer("a2 b c2 d e2 f g2 h i2 j", "k");
    assert!((1..=10).contains(&weighted), "{weighted} of 20");
}

#[tokio::test]
async fn an_endpoint_in_slow_start_gets_part_of_its_least_requests() {
    let policy = LeastRequestPolicy {
        slow_start: Some(SlowStart::over(60 * SECOND)),
        ..LeastRequestPolicy::default()
    };
    let balancer = LeastRequest::new(&weighted("a b c"), policy, rng()).unwrap();
    balancer.update(&weighted("a b c d"));
    let young = turn(&balancer, 1_000, "").matches('d').count();
    sleep(30 * SECOND).await;
    let older = turn(&balancer, 1_000, "").matches('d').count();
    sleep(30 * SECOND).await;
    let grown = turn(&balancer, 1_000, "").matches('d').count();
    assert!((28..=36).contains(&young), "{young}");
    assert!((135..=147).contains(&older), "{older}");
    assert!((210..=290).contains(&grown), "{grown}");
}

/// How many of 50 gateways are at the busiest of 10 endpoints in each of ten rounds, at most.
fn herd(build: impl Fn(ChaCha8Rng) -> Box<dyn Balancer>) -> usize {
    let seeds = 0..50;
    let gateways: Vec<_> = seeds
        .map(|seed| build(ChaCha8Rng::seed_from_u64(seed)))
        .collect();
    let mut held = Vec::new();
    let rounds = (0..10).map(|_| {
        let picks: Vec<_> = gateways.iter().map(|gateway| pick(&**gateway)).collect();
        let busiest = "abcdefghij".chars().map(|name| {
            let at = |pick: &&InFlight| pick.endpoint().starts_with(name);
            picks.iter().filter(at).count()
        });
        let busiest = busiest.max().unwrap_or(0);
        held.extend(picks);
        busiest
    });
    rounds.max().unwrap_or(0)
}

#[test]
fn many_gateways_with_the_same_view_do_not_all_go_to_the_same_endpoint() {
    let endpoints = set("a b c d e f g h i j");
    // Where each takes the least loaded of all, they do: all have the same view and the same order.
    let idle = LeastRequest::new(&endpoints, LeastRequestPolicy::default(), rng()).unwrap();
    let favourites = (0..50).map(|_| {
        let least = idle.loads().into_iter().min_by_key(|(_, load)| *load);
        least.expect("there are ten").0
    });
    assert!(favourites.clone().all(|name| &*name == "a"));
    let deadline = |rng| -> Box<dyn Balancer> {
        Box::new(EarliestDeadline::new(&endpoints, Default::default(), rng).unwrap())
    };
    let least = |rng| -> Box<dyn Balancer> {
        Box::new(LeastRequest::new(&endpoints, Default::default(), rng).unwrap())
    };
    let peak = |rng| -> Box<dyn Balancer> {
        Box::new(PeakEwma::new(&endpoints, Default::default(), rng).unwrap())
    };
    let ewma = |rng| -> Box<dyn Balancer> {
        Box::new(PowerOfTwoEwma::new(&endpoints, Default::default(), rng).unwrap())
    };
    let busiest = [herd(deadline), herd(least), herd(peak), herd(ewma)];
    // 5 each would be even; 15 or more in one of 100 draws of a fair die is a chance of 1 in 100.
    assert!(busiest.iter().all(|most| *most < 15), "{busiest:?}");
}

#[tokio::test]
async fn an_endpoint_that_was_not_picked_for_longer_than_a_second_is_picked_though_it_is_dearer() {
    let balancer = ewma("a b");
    call(&balancer, "a", 900 * MS, Outcome::Success).await;
    call(&balancer, "b", MS, Outcome::Success).await;
    // Picked at 0 and 900 ms; now it is 901 ms.
    sleep(99 * MS).await;
    assert_eq!(
        turn(&balancer, 1, ""),
        "b",
        "exactly a second is not longer"
    );
    sleep(MS).await;
    assert_eq!(turn(&balancer, 3, ""), "abb");
}

#[tokio::test]
async fn a_forced_pick_that_was_refused_is_still_to_be_made() {
    let balancer = ewma("a b");
    call(&balancer, "a", 900 * MS, Outcome::Success).await;
    call(&balancer, "b", MS, Outcome::Success).await;
    sleep(200 * MS).await;
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
    sleep(600 * MS).await;
    call(&balancer, "a", 400 * MS, Outcome::Success).await;
    // √(132 000 000 + 1) = 11 489 is above and √(125 000 000 + 1) = 11 180 below.
    for (took, expected) in [(132 * MS, "a"), (125 * MS, "b")] {
        balancer.update(&set("a"));
        balancer.update(&set("a b"));
        call(&balancer, "b", took, Outcome::Success).await;
        drop(pick_only(&balancer, "a"));
        assert_eq!(turn(&balancer, 1, ""), expected);
    }
}

#[test]
fn balancers_by_load_with_a_policy_that_cannot_be_meant_are_not_built() {
    let least = |choices, bias| {
        let policy = LeastRequestPolicy {
            choices,
            bias,
            slow_start: None,
        };
        policy.validate().err()
    };
    assert_eq!(least(2, 0.0), None);
    let choices = Some(InvalidPolicy::OutOfRange("choices"));
    assert_eq!([least(0, 1.0), least(1, 1.0)], [choices, choices]);
    for bias in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(least(2, bias), Some(InvalidPolicy::OutOfRange("bias")));
    }
    let peak = |change: fn(&mut PeakEwmaPolicy)| {
        let mut policy = PeakEwmaPolicy::default();
        change(&mut policy);
        PeakEwma::new(&[], policy, rng()).err()
    };
    let zero = |name| Some(InvalidPolicy::Zero(name));
    assert_eq!(peak(|p| p.tau = Duration::ZERO), zero("tau"));
    assert_eq!(
        peak(|p| p.default_rtt = Duration::ZERO),
        zero("default_rtt")
    );
    assert_eq!(
        peak(|p| p.failure_rtt = Duration::ZERO),
        zero("failure_rtt")
    );
    let hint = Some(InvalidPolicy::OutOfRange("longest_hint"));
    assert_eq!(peak(|p| p.longest_hint = SECOND), hint);
    let policy = PowerOfTwoEwmaPolicy {
        force_after: Duration::MAX,
        ..PowerOfTwoEwmaPolicy::default()
    };
    let error = PowerOfTwoEwma::new(&[], policy, rng()).err();
    assert_eq!(error, Some(InvalidPolicy::TooLong("force_after")));
}
