//! What the balancers that look at load promise.

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::super::tests::{gives_back_a_cancelled_call, rng, set, turn, weighted};
use super::super::{Balancer, Call, EarliestDeadline, InFlight, InvalidPolicy};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn least(list: &str) -> LeastRequest {
    LeastRequest::new(&weighted(list), LeastRequestPolicy::default(), rng()).unwrap()
}

fn peak(list: &str) -> PeakEwma {
    PeakEwma::new(&set(list), PeakEwmaPolicy::default(), rng()).unwrap()
}

/// However slow the machine is, nobody is forgotten.
fn ewma(list: &str) -> PowerOfTwoEwma {
    let policy = PowerOfTwoEwmaPolicy {
        force_after: 3_600 * SECOND,
        ..PowerOfTwoEwmaPolicy::default()
    };
    PowerOfTwoEwma::new(&set(list), policy, rng()).unwrap()
}

fn pick(balancer: &dyn Balancer) -> InFlight {
    balancer.pick(&Call::default(), &mut |_| true).unwrap()
}

fn pick_only(balancer: &dyn Balancer, only: &str) -> InFlight {
    balancer
        .pick(&Call::default(), &mut |name| **name == *only)
        .unwrap()
}

#[test]
fn of_two_endpoints_the_dearer_one_is_never_picked() {
    let balancers: [Box<dyn Balancer>; 2] = [Box::new(peak("a b")), Box::new(ewma("a b"))];
    for balancer in balancers {
        // Who was never picked would be forced.
        drop(pick_only(&*balancer, "b"));
        let _busy = pick_only(&*balancer, "a");
        for _ in 0..200 {
            assert_eq!(turn(&*balancer, 1, ""), "b", "{balancer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_weighs_no_longer() {
    gives_back_a_cancelled_call(Arc::new(least("a"))).await;
    gives_back_a_cancelled_call(Arc::new(peak("a"))).await;
    gives_back_a_cancelled_call(Arc::new(ewma("a"))).await;
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
