//! Tables by themselves.

use super::*;

fn tables(nodes: &Nodes) -> Vec<Box<dyn Table>> {
    let layouts = LAYOUTS.into_iter();
    layouts.map(|layout| layout.table(nodes)).collect()
}

#[test]
fn nobody_owns_a_key_where_there_is_no_share() {
    let idle = [Endpoint::from("a").weighing(0)];
    for set in [&[], &idle[..]] {
        for table in tables(&Nodes::new(set)) {
            assert_eq!(table.owner(7), None, "{table:?}");
        }
    }
    for table in tables(&Nodes::new(&set(3))) {
        assert_eq!(table.heir(7, &mut |_| false), None, "{table:?}");
    }
}

#[test]
fn the_first_endpoint_of_a_name_counts() {
    let twice = [Endpoint::from("a").weighing(3), "b".into(), "a".into()];
    let nodes = Nodes::new(&twice);
    assert_eq!((nodes.len(), nodes.weight()), (2, 4));
    let left = [Endpoint::from("a").weighing(0), "a".into()];
    assert!(Nodes::new(&left).is_empty());
}

#[test]
fn points_in_one_place_all_stay_and_the_next_node_takes_over() {
    let ring = Ring::new(Width::Bits32, [(50, 1), (10, 2), (50, 0)]);
    let points: Vec<_> = ring.points().collect();
    assert_eq!(points, [(10, 2), (50, 0), (50, 1)]);
    assert_eq!(ring.owner(11), Some(0));
    assert_eq!(ring.heir(11, &mut |node| node != 0), Some(1));
    assert_eq!(ring.heir(11, &mut |node| node == 2), Some(2));
}

#[test]
fn a_thousand_nodes_collide_on_a_ring_of_32_bits_and_none_loses_a_point() {
    let all = set(1000);
    let ring = Ring::ketama(&Nodes::new(&all));
    assert_eq!(ring.points().len(), 160_000);
    let points: Vec<_> = ring.points().collect();
    let mut collisions = points.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let pair = collisions.next().expect("there are three on average");
    let (key, first) = pair[0];
    assert_eq!(ring.heir(key, &mut |node| node != first), Some(pair[1].1));
}

#[test]
fn a_key_belongs_to_the_first_point_not_before_it_and_the_last_part_to_the_first_point() {
    let ring = Ring::new(Width::Bits32, [(10, 0), (20, 1)]);
    let owners = [0, 10, 11, 20, 21, u64::from(u32::MAX)].map(|key| ring.owner(key));
    assert_eq!(owners, [0, 0, 1, 1, 0, 0].map(Some));
    assert_eq!(ring.owner(11 | 1 << 32), Some(1));
    let circle = (u64::from(u32::MAX) + 1) as f64;
    assert_eq!(ring.shares(), [(circle - 10.0) / circle, 10.0 / circle]);
    assert_eq!(Ring::new(Width::Bits64, [(3, 0)]).shares(), [1.0]);
}

#[test]
fn sequential_names_get_even_parts_of_a_ring() {
    let nodes = Nodes::new(&set(10));
    let sizes = Sizes {
        minimum: 1600,
        ..Sizes::default()
    };
    for ring in [Ring::ketama(&nodes), Ring::sized(&nodes, sizes)] {
        assert_eq!(ring.points().len(), 1600);
        let largest = ring.shares().into_iter().fold(0.0, f64::max);
        // FNV-1a would have 1.54 here.
        assert!(largest * 10.0 < 1.25, "{ring:?}: {}", largest * 10.0);
    }
}

#[test]
fn shares_follow_the_weights() {
    let set: Vec<Endpoint> = (1..=4_u32)
        .map(|weight| Endpoint::new(format!("s{weight}")).weighing(weight))
        .collect();
    for table in tables(&Nodes::new(&set)) {
        let mut counts = [0_u32; 4];
        for key in keys(20_000) {
            counts[table.owner(key).unwrap()] += 1;
        }
        for (count, weight) in counts.into_iter().zip(1..) {
            let part = f64::from(count) / (2000.0 * f64::from(weight));
            assert!((0.85..1.15).contains(&part), "{table:?}: {counts:?}");
        }
    }
}

#[test]
fn the_lightest_node_has_a_slot_and_the_heaviest_its_part() {
    let set = [Endpoint::from("a"), Endpoint::from("b").weighing(u32::MAX)];
    let table = Maglev::new(&Nodes::new(&set), 65_537).unwrap();
    let light = table.slots().iter().filter(|node| **node == 0).count();
    assert_eq!(light, 1);
}

#[test]
fn rendezvous_by_weight_is_the_plain_one_if_weights_are_equal() {
    let plain = Rendezvous::new(&Nodes::new(&set(5)));
    // The last weighs nothing against the others, so it hardly ever wins and the scores are used.
    let mut heavy: Vec<_> = set(5).into_iter().map(|s| s.weighing(u32::MAX)).collect();
    heavy.push("t".into());
    let weighted = Rendezvous::new(&Nodes::new(&heavy));
    for key in keys(1000) {
        assert_eq!(weighted.owner(key), plain.owner(key));
    }
}

#[test]
fn a_maglev_table_is_prime_and_has_a_hundred_slots_per_node() {
    let size = |nodes, size| Maglev::new(&Nodes::new(&set(nodes)), size).map(|t| t.slots().len());
    assert_eq!(size(10, 1009), Ok(1009));
    assert_eq!(size(10, 1000), Err(InvalidSize::NotPrime(1000)));
    assert_eq!(size(10, 5_000_017), Err(InvalidSize::TooLarge(5_000_017)));
    let few = InvalidSize::TooSmall {
        size: 997,
        nodes: 10,
    };
    assert_eq!(size(10, 997), Err(few));
    let grown = |nodes| Maglev::large_enough(&Nodes::new(&set(nodes)), 997);
    assert_eq!(grown(9).slots().len(), 997);
    assert_eq!(grown(10).slots().len(), 1009);
}

#[test]
fn the_order_of_the_list_changes_no_table() {
    let mut list = set(30);
    let mut described = Vec::new();
    for _ in 0..3 {
        list.rotate_left(7);
        list.swap(0, 20);
        let nodes = Nodes::new(&list);
        let owners: Vec<Vec<_>> = tables(&nodes)
            .iter()
            .map(|table| keys(500).map(|key| nodes[table.owner(key).unwrap()].name.clone()))
            .map(Iterator::collect)
            .collect();
        described.push(owners);
    }
    assert!(described.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_keys_of_a_failed_node_are_shared_by_all_others() {
    let nodes = Nodes::new(&set(10));
    for table in tables(&nodes) {
        let mut heirs = [0_u32; 10];
        for key in keys(20_000) {
            let owner = table.owner(key).unwrap();
            let heir = table.heir(key, &mut |node| node != 3).unwrap();
            if owner == 3 {
                heirs[heir] += 1;
            } else {
                assert_eq!(heir, owner, "{table:?} moved a key that it need not");
            }
        }
        let all: u32 = heirs.iter().sum();
        // Nine heirs: none has twice its part.
        assert!(heirs.iter().all(|heir| heir * 9 < all * 2), "{heirs:?}");
    }
}

#[test]
fn every_node_is_asked_before_nobody_is_the_answer() {
    for table in tables(&Nodes::new(&set(12))) {
        for key in keys(50) {
            for last in 0..12 {
                assert_eq!(table.heir(key, &mut |node| node == last), Some(last));
            }
        }
    }
}

#[test]
fn a_capacity_is_rounded_up_in_integers_and_follows_the_weight() {
    let bound = Bound::percent(150).unwrap();
    assert_eq!(bound.capacity(0, 1, 2), 0);
    assert_eq!(bound.capacity(1, 1, 4), 1);
    assert_eq!(bound.capacity(8, 1, 4), 3);
    assert_eq!(bound.capacity(8, 3, 4), 9);
    assert_eq!(bound.capacity(9, 1, 4), 4);
    assert_eq!(bound.capacity(5, 1, 0), 0);
    let widest = Bound::percent(u32::MAX).unwrap();
    assert_eq!(widest.capacity(u64::MAX, u32::MAX, 1), u64::MAX);
}

#[test]
fn a_full_node_does_not_overflow_to_its_neighbour() {
    // One point each: on the ring itself all keys of a node have the same next node.
    let nodes = Nodes::new(&set(10));
    let ring = Ring::new(Width::Bits64, (0..10).map(|n| (n << 60, n as u32)));
    let bounded = Bounded::new(&nodes, Bound::percent(125).unwrap());
    let mut loads = [Some(0); 10];
    loads[4] = Some(1);
    let mut heirs = [0_u32; 10];
    for key in keys(20_000).filter(|key| ring.owner(*key) == Some(4)) {
        let place = bounded.place(&ring, key, 2, &loads).unwrap();
        assert!(matches!(place, Place::Overflow(_)));
        assert_eq!(bounded.place(&ring, key, 2, &loads), Some(place));
        heirs[place.node()] += 1;
    }
    let all: u32 = heirs.iter().sum();
    assert!(heirs.iter().all(|heir| heir * 9 < all * 2), "{heirs:?}");
}

#[test]
fn a_set_without_room_has_no_place() {
    let nodes = Nodes::new(&set(2));
    let table = Rendezvous::new(&nodes);
    let bounded = Bounded::new(&nodes, Bound::percent(125).unwrap());
    assert_eq!(bounded.place(&table, 7, 2, &[Some(3), None]), None);
    assert_eq!(bounded.place(&table, 7, 3, &[None, None]), None);
    let one = bounded.place(&table, 7, 3, &[Some(2), None]);
    assert_eq!(one, Some(Place::Home(0)));
}
