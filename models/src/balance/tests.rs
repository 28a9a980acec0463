//! What the balancers promise.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::*;

pub(super) fn set(list: &str) -> Vec<Endpoint> {
    list.split_whitespace().map(Into::into).collect()
}

/// `a5 b1 c`: a letter and its weight, 1 if there is none.
pub(super) fn weighted(list: &str) -> Vec<Endpoint> {
    let each = list.split_whitespace();
    each.map(|item| Endpoint::new(&item[..1]).weighing(item[1..].parse().unwrap_or(1)))
        .collect()
}

pub(super) fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

pub(super) fn turn(balancer: &dyn Balancer, count: usize, down: &str) -> String {
    let picks = (0..count).map(|_| {
        let pick = balancer
            .pick(&Call::default(), &mut |name| **name != *down)
            .unwrap();
        pick.endpoint().to_string()
    });
    picks.collect()
}

#[test]
fn round_robin_takes_turns_and_a_refusal_takes_nobodys_turn() {
    let balancer = RoundRobin::new(&set("a b c d"));
    assert_eq!(turn(&balancer, 6, ""), "abcdab");
    assert_eq!(turn(&balancer, 6, "c"), "dabdab");
    assert!(balancer.loads().iter().all(|(_, load)| *load == 0));
}

#[test]
fn round_robin_stays_where_it_is_when_everybody_refuses() {
    let balancer = RoundRobin::new(&set("a b c d"));
    assert_eq!(turn(&balancer, 1, ""), "a");
    let call = Call {
        eligible: &|name| &**name == "c",
        ..Call::default()
    };
    assert!(balancer.pick(&call, &mut |_| false).is_err());
    assert_eq!(turn(&balancer, 1, ""), "b");
}

#[test]
fn round_robin_keeps_its_place_when_the_set_changes() {
    let balancer = RoundRobin::new(&set("a b c d"));
    assert_eq!(turn(&balancer, 2, ""), "ab");
    balancer.update(&set("x a b c d"));
    assert_eq!(turn(&balancer, 1, ""), "c");
    balancer.update(&set("a b d"));
    assert_eq!(turn(&balancer, 4, ""), "dabd");
}

#[test]
fn an_empty_set_and_a_set_that_refuses_are_told_apart() {
    for policy in [Policy::RoundRobin, Policy::PowerOfTwo] {
        let none = policy
            .build(&[], rng())
            .unwrap()
            .pick(&Call::default(), &mut |_| true)
            .unwrap_err();
        assert_eq!(none, NoEndpoint::Empty);
        let balancer = policy.build(&set("a b c"), rng()).unwrap();
        let mut asked = Vec::new();
        let refused = balancer.pick(&Call::default(), &mut |name| {
            asked.push(name.clone());
            false
        });
        assert_eq!(refused.unwrap_err(), NoEndpoint::NoneAdmits { asked: 3 });
        asked.sort();
        assert_eq!(asked, ["a", "b", "c"].map(Arc::from));
        assert!(balancer.loads().iter().all(|(_, load)| *load == 0));
    }
}

#[test]
fn two_choices_are_always_different_and_equally_likely() {
    let mut rng = rng();
    let mut seen = BTreeMap::new();
    for _ in 0..12_000 {
        let (first, second) = load::distinct(&mut rng, 4);
        assert_ne!(first, second);
        *seen.entry((first, second)).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 12);
    assert!(seen.values().all(|n| (850..1150).contains(n)), "{seen:?}");
}

#[test]
fn of_two_endpoints_the_busier_one_is_never_picked() {
    let balancer = PowerOfTwo::new(&set("a b"), rng());
    let busy = balancer
        .pick(&Call::default(), &mut |name| &**name == "a")
        .unwrap();
    for _ in 0..200 {
        assert_eq!(turn(&balancer, 1, ""), "b");
    }
    drop(busy);
    assert!(turn(&balancer, 50, "").contains('a'));
}

#[test]
fn an_update_keeps_loads_and_never_picks_what_left() {
    for policy in [Policy::RoundRobin, Policy::PowerOfTwo] {
        let balancer = policy.build(&set("a b c"), rng()).unwrap();
        let held = balancer
            .pick(&Call::default(), &mut |name| &**name == "b")
            .unwrap();
        balancer.update(&set("b c"));
        assert_eq!(balancer.loads()[0], ("b".into(), 1));
        assert!(!turn(&*balancer, 100, "").contains('a'));
        drop(held);
        assert_eq!(balancer.loads()[0].1, 0);
    }
}

#[test]
fn the_part_of_a_failed_endpoint_is_shared_by_all_others() {
    let balancer = RoundRobin::new(&set("a b c d"));
    let picks = turn(&balancer, 300, "b");
    for name in ["a", "c", "d"] {
        assert_eq!(picks.matches(name).count(), 100, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_in_flight_no_longer() {
    gives_back_a_cancelled_call(Arc::new(RoundRobin::new(&set("a")))).await;
    gives_back_a_cancelled_call(Arc::new(PowerOfTwo::new(&set("a"), rng()))).await;
}

/// `balancer` has one endpoint.
pub(super) async fn gives_back_a_cancelled_call(balancer: Arc<dyn Balancer>) {
    let shared = balancer.clone();
    let (started, begun) = tokio::sync::oneshot::channel();
    let call = tokio::spawn(async move {
        let _held = shared.pick(&Call::default(), &mut |_| true).unwrap();
        started.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    begun.await.unwrap();
    assert_eq!(balancer.loads()[0].1, 1);
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(balancer.loads()[0].1, 0);
}
