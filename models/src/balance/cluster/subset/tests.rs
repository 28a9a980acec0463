//! What subsets promise to all callers together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::InvalidPolicy;
use super::*;

fn endpoints(count: usize) -> Vec<Endpoint> {
    (0..count)
        .map(|i| Endpoint::new(format!("backend-{i}:80")))
        .collect()
}

fn names(subset: &[Endpoint]) -> BTreeSet<Arc<str>> {
    subset
        .iter()
        .map(|endpoint| endpoint.name.clone())
        .collect()
}

#[test]
fn deterministic_subsets_of_whole_rounds_give_everybody_equally_many() {
    let all = endpoints(300);
    let of = |client| Subset::Deterministic { client, size: 10 }.choose(&all);
    let spread = Spread::new(&all, (0..300).map(of));
    assert_eq!((spread.least(), spread.most()), (10, 10));
    assert_eq!(spread.imbalance(), Some(1.0));
    assert_ne!(names(&of(0)), names(&of(30)), "each round has its own list");
}

#[test]
fn deterministic_subsets_of_a_part_round_differ_by_one() {
    let all = endpoints(12);
    let of = |client| Subset::Deterministic { client, size: 3 }.choose(&all);
    let spread = Spread::new(&all, (0..10).map(of));
    assert_eq!((spread.least(), spread.most()), (2, 3));
}

#[test]
fn what_a_round_leaves_over_is_somebody_else_each_time() {
    // 10 of 3 each: one is left over per round of three.
    let all = endpoints(10);
    let of = |client| Subset::Deterministic { client, size: 3 }.choose(&all);
    let spread = Spread::new(&all, (0..3_000).map(of));
    assert_eq!(spread.connections().values().sum::<u64>(), 9_000);
    assert!(spread.imbalance().unwrap() < 1.02, "{spread:?}");
}

#[test]
fn an_aperture_gives_all_endpoints_the_same_load_whatever_the_numbers() {
    for (peers, count, width) in [
        (4, 10, 3),
        (7, 5, 2),
        (3, 3, 1),
        (10, 3, 2),
        (5, 8, 20),
        (1, 4, 2),
    ] {
        let all = endpoints(count);
        let mut loads: BTreeMap<Arc<str>, f64> = BTreeMap::new();
        for peer in 0..peers {
            let subset = Subset::Aperture { peer, peers, width }.choose(&all);
            assert!(subset.len() >= count.min(width as usize), "{subset:?}");
            assert_eq!(names(&subset).len(), subset.len());
            let arc: u32 = subset.iter().map(|endpoint| endpoint.weight).sum();
            for Endpoint { name, weight } in subset {
                assert!(weight > 0);
                *loads.entry(name).or_default() += f64::from(weight) / f64::from(arc);
            }
        }
        let even = f64::from(peers) / count as f64;
        assert_eq!(loads.len(), count);
        assert!(
            loads.values().all(|load| (load - even).abs() < 1e-9),
            "{loads:?}"
        );
    }
}

#[test]
fn random_subsets_change_by_one_with_one_endpoint() {
    let all = endpoints(40);
    for seed in 0..50 {
        let subset = Subset::Random { seed, size: 8 };
        let before = names(&subset.choose(&all));
        for gone in [0, 17, 39] {
            let mut rest = all.clone();
            let gone = rest.remove(gone).name;
            let after = names(&subset.choose(&rest));
            let new = after.difference(&before).count();
            assert_eq!(new, usize::from(before.contains(&gone)));
        }
    }
}

#[test]
fn random_subsets_are_as_even_as_chance() {
    let all = endpoints(50);
    let of = |seed| Subset::Random { seed, size: 10 }.choose(&all);
    let spread = Spread::new(&all, (0..5_000).map(of));
    assert_eq!(spread.connections().values().sum::<u64>(), 50_000);
    // The mean is 1000 and its deviation 28.3: the most of fifty lies within four.
    assert!(spread.least() > 887 && spread.most() < 1_113, "{spread:?}");
}

#[test]
fn no_subset_hangs_on_the_order_of_discovery() {
    let all = endpoints(30);
    let mut turned = all.clone();
    turned.reverse();
    for subset in [
        Subset::Deterministic { client: 4, size: 7 },
        Subset::Aperture {
            peer: 2,
            peers: 9,
            width: 4,
        },
        Subset::Random { seed: 3, size: 7 },
    ] {
        assert_eq!(subset.choose(&all), subset.choose(&turned), "{subset:?}");
    }
}

#[test]
fn a_subset_of_few_is_all_of_them_and_of_nobody_nobody() {
    for subset in [
        Subset::Deterministic { client: 4, size: 7 },
        Subset::Aperture {
            peer: 2,
            peers: 9,
            width: 7,
        },
        Subset::Random { seed: 3, size: 7 },
    ] {
        let few = endpoints(5);
        assert_eq!(names(&subset.choose(&few)), names(&few), "{subset:?}");
        assert!(subset.choose(&[]).is_empty());
    }
    assert_eq!(Spread::new(&[], []).imbalance(), None);
}

#[test]
fn a_subset_that_cannot_be_meant_is_refused() {
    let refused = |subset: Subset| subset.validate().unwrap_err();
    let size = InvalidPolicy::Zero("subset.size");
    assert_eq!(refused(Subset::Deterministic { client: 1, size: 0 }), size);
    assert_eq!(refused(Subset::Random { seed: 1, size: 0 }), size);
    let aperture = |peer, peers, width| Subset::Aperture { peer, peers, width };
    assert_eq!(
        refused(aperture(0, 1, 0)),
        InvalidPolicy::Zero("subset.width")
    );
    for peers in [0, 2] {
        let outside = InvalidPolicy::OutOfRange("subset.peer");
        assert_eq!(refused(aperture(2, peers, 1)), outside);
    }
    assert_eq!(aperture(1, 2, 1).validate(), Ok(()));
}
