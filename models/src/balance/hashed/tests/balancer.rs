//! The balancer over the tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::super::super::{Balancer, Call, InFlight, NoEndpoint, Outcome};
use super::*;

fn hashed(policy: Policy, set: &[Endpoint]) -> Hashed {
    Hashed::new(&policy, set, ChaCha8Rng::seed_from_u64(7)).unwrap()
}

fn percent(percent: u32) -> Bound {
    Bound::percent(percent).unwrap()
}

fn keyed(key: u64) -> Call<'static> {
    Call {
        key: Some(key),
        ..Call::default()
    }
}

fn owner(balancer: &Hashed, key: u64) -> Arc<str> {
    let picked = balancer.pick(&keyed(key), &mut |_| true).unwrap();
    picked.endpoint().clone()
}

#[test]
fn a_policy_that_cannot_be_meant_is_refused() {
    let sizes = |minimum, maximum| Layout::Ring(Sizes { minimum, maximum });
    let refused = |layout| Policy::new(layout).validate().unwrap_err();
    assert_eq!(refused(sizes(0, 8)), InvalidPolicy::Zero("minimum"));
    assert_eq!(refused(sizes(9, 8)), InvalidPolicy::OutOfRange("minimum"));
    let huge = refused(sizes(9, (8 << 20) + 1));
    assert_eq!(huge, InvalidPolicy::OutOfRange("maximum"));
    assert_eq!(
        refused(Layout::Maglev(65_536)),
        InvalidSize::NotPrime(65_536).into()
    );
    let policy = Policy::new(Layout::Maglev(9));
    assert!(Hashed::new(&policy, &[], ChaCha8Rng::seed_from_u64(1)).is_err());
    for refused in [0, 99, 100] {
        let above = InvalidPolicy::OutOfRange("bound");
        assert_eq!(Bound::percent(refused), Err(above));
    }
    for layout in LAYOUTS {
        assert_eq!(Policy::new(layout).bounded(percent(101)).validate(), Ok(()));
    }
}

#[test]
fn no_endpoint_is_a_typed_answer() {
    for layout in LAYOUTS {
        for policy in [
            Policy::new(layout),
            Policy::new(layout).bounded(percent(125)),
        ] {
            let none = |set: &[Endpoint], eligible: bool| {
                let call = Call {
                    key: Some(5),
                    eligible: &|_| eligible,
                };
                let answer = hashed(policy, set).pick(&call, &mut |_| false);
                answer.unwrap_err()
            };
            assert_eq!(none(&[], true), NoEndpoint::Empty);
            let weightless = [Endpoint::from("a").weighing(0)];
            let nobody = NoEndpoint::NoneEligible { endpoints: 1 };
            assert_eq!(none(&weightless, true), nobody);
            let nobody = NoEndpoint::NoneEligible { endpoints: 3 };
            assert_eq!(none(&set(3), false), nobody);
            assert_eq!(none(&set(3), true), NoEndpoint::NoneAdmits { asked: 3 });
        }
    }
}

#[test]
fn neither_a_pick_nor_an_update_with_the_same_set_builds_the_table_again() {
    for layout in LAYOUTS {
        let balancer = hashed(Policy::new(layout), &set(10));
        let builds = || balancer.counters().builds;
        assert_eq!(builds(), 1);
        for key in keys(200) {
            let call = Call {
                key: Some(key),
                eligible: &|name| !name.ends_with('4'),
            };
            drop(balancer.pick(&call, &mut |name| !name.ends_with('2')));
        }
        let mut turned = set(10);
        turned.reverse();
        turned.push(Endpoint::from("idle").weighing(0));
        balancer.update(&turned);
        assert_eq!(balancer.loads()[0].0, "s9".into());
        assert_eq!(builds(), 1);
        balancer.update(&set(9));
        assert_eq!(builds(), 2);
    }
}

#[test]
fn a_flap_of_one_endpoint_moves_its_own_keys_only_and_gives_them_back() {
    for layout in LAYOUTS {
        let balancer = hashed(Policy::new(layout), &set(10));
        let before: Vec<_> = keys(500).map(|key| owner(&balancer, key)).collect();
        for (key, owned) in keys(500).zip(&before) {
            let call = Call {
                key: Some(key),
                eligible: &|name| **name != *"s4",
            };
            let picked = balancer.pick(&call, &mut |_| true).unwrap();
            assert_ne!(**picked.endpoint(), *"s4");
            assert!(picked.endpoint() == owned || **owned == *"s4");
        }
        let after = keys(500).map(|key| owner(&balancer, key));
        assert!(after.eq(before));
        assert_eq!(balancer.counters().builds, 1);
    }
}

#[test]
fn calls_without_a_key_are_spread_over_all() {
    for layout in LAYOUTS {
        let balancer = hashed(Policy::new(layout), &set(10));
        let mut counts = BTreeMap::new();
        for _ in 0..5000 {
            let picked = balancer.pick(&Call::default(), &mut |_| true).unwrap();
            *counts.entry(picked.endpoint().clone()).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 10);
        assert!(
            counts.values().all(|n| (350..650).contains(n)),
            "{counts:?}"
        );
    }
}

#[test]
fn a_slot_is_taken_before_the_endpoint_is_asked() {
    let balancer = hashed(
        Policy::new(Layout::Rendezvous).bounded(percent(125)),
        &set(4),
    );
    let home = owner(&balancer, 7);
    // While the first call's endpoint makes up its mind another call comes: there is room for one.
    let mut inner: Option<InFlight> = None;
    let outer = balancer.pick(&keyed(7), &mut |_| {
        inner = balancer.pick(&keyed(7), &mut |_| true).ok();
        true
    });
    assert_eq!(*outer.unwrap().endpoint(), home);
    assert_ne!(*inner.unwrap().endpoint(), home);
    assert_eq!(balancer.counters().overflowed, 1);
}

#[test]
fn a_hot_key_stays_below_the_capacity_and_comes_home_when_there_is_room() {
    for layout in LAYOUTS {
        let balancer = hashed(Policy::new(layout).bounded(percent(150)), &set(4));
        let home = owner(&balancer, 9);
        let bound = percent(150);
        let mut held = Vec::new();
        for calls in 1..=40 {
            held.push(balancer.pick(&keyed(9), &mut |_| true).unwrap());
            let loads = balancer.loads();
            let most = loads.iter().map(|(_, load)| *load as u64).max().unwrap();
            assert_eq!(most, bound.capacity(calls, 1, 4));
        }
        held.clear();
        assert_eq!(owner(&balancer, 9), home);
    }
}

#[test]
fn one_willing_endpoint_of_ten_takes_everything() {
    let balancer = hashed(Policy::new(Layout::Ketama).bounded(percent(110)), &set(10));
    let call = Call {
        key: Some(1),
        eligible: &|name| **name == *"s6",
    };
    let held: Vec<_> = (0..50)
        .map(|_| balancer.pick(&call, &mut |_| true))
        .collect();
    assert!(held.iter().all(Result::is_ok));
}

#[test]
fn every_call_is_counted_once_whatever_becomes_of_it() {
    let balancer = hashed(Policy::new(Layout::Ketama).bounded(percent(125)), &set(3));
    let pick = |key| balancer.pick(&keyed(key), &mut |_| true).unwrap();
    pick(1).report(Outcome::Success);
    pick(2).report(Outcome::Failure { patience: None });
    drop(pick(3));
    let held = pick(4);
    // From here on the home of this key has no room.
    assert!(balancer.pick(&keyed(4), &mut |_| false).is_err());
    let panics = std::panic::AssertUnwindSafe(|| balancer.pick(&keyed(4), &mut |_| panic!("no")));
    assert!(std::panic::catch_unwind(panics).is_err());
    let counted = Counters {
        offered: 6,
        refused: 1,
        admitted: 5,
        succeeded: 1,
        failed: 1,
        cancelled: 2,
        overflowed: 1,
        builds: 1,
    };
    assert_eq!(balancer.counters(), counted);
    drop(held);
    assert!(balancer.loads().iter().all(|(_, load)| *load == 0));
    assert_eq!(balancer.counters().cancelled, 3);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_gives_its_room_back() {
    let balancer = Arc::new(hashed(
        Policy::new(Layout::Ketama).bounded(percent(101)),
        &set(3),
    ));
    let home = owner(&balancer, 7);
    let shared = balancer.clone();
    let (started, begun) = tokio::sync::oneshot::channel();
    let call = tokio::spawn(async move {
        let _held = shared.pick(&keyed(7), &mut |_| true).unwrap();
        started.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    begun.await.unwrap();
    assert_ne!(owner(&balancer, 7), home);
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(owner(&balancer, 7), home);
}
