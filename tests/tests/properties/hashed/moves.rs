//! Random sets that one endpoint leaves and joins again.

use super::{SIZES, scattered};
use crate::fixed;
use proptest::{prelude::*, sample::Index, test_runner::TestCaseError};
use std::sync::Arc;
use windtunnel_models::balance::Endpoint;
use windtunnel_models::balance::hashed::{Maglev, Nodes, Permutation, Rendezvous, Ring, Table};

/// A set of endpoints in any order, and the number of one of them.
fn set(weights: impl Strategy<Value = u32>) -> impl Strategy<Value = (Vec<Endpoint>, Index)> {
    let weights = prop::collection::btree_map(0..1000u32, weights, 2..12);
    let set = weights.prop_map(|weights| {
        let named = weights.into_iter();
        let set = named.map(|(name, weight)| Endpoint::new(format!("s{name}:80")).weighing(weight));
        set.collect::<Vec<_>>()
    });
    (set.prop_shuffle(), any::<Index>())
}

fn keys() -> impl Iterator<Item = u64> {
    (0..400).map(scattered)
}

/// Who owns each key.
fn owners(nodes: &Nodes, table: &dyn Table) -> Vec<Arc<str>> {
    let owners = keys().filter_map(|key| table.owner(key));
    owners.map(|node| nodes[node].name.clone()).collect()
}

/// Who owned each key before and after, and who left between.
type Moves = (Vec<Arc<str>>, Vec<Arc<str>>, Arc<str>);

/// One endpoint leaves a set: who owned which key, who does then, and who left. What `build` builds from
/// the set in another order must be the same.
fn leaving<T: Table + PartialEq>(
    (set, index): (Vec<Endpoint>, Index),
    build: impl Fn(&Nodes) -> T,
) -> Result<Moves, TestCaseError> {
    let nodes = Nodes::new(&set);
    let table = build(&nodes);
    let mut left = set;
    let gone = left.remove(index.index(left.len()));
    let fewer = Nodes::new(&left);
    let after = owners(&fewer, &build(&fewer));
    left.push(gone.clone());
    let again = Nodes::new(&left);
    prop_assert!(again == nodes && build(&again) == table, "the order counts");
    Ok((owners(&nodes, &table), after, gone.name))
}

fn moves_its_own_keys_only<T: Table + PartialEq>(build: impl Fn(&Nodes) -> T) {
    let outcome = fixed::runner(150, 1_000).run(&set(1..4u32), |case| {
        let (before, after, gone) = leaving(case, &build)?;
        for (before, after) in before.iter().zip(&after) {
            prop_assert_ne!(after, &gone);
            prop_assert!(before == after || *before == gone, "{before} to {after}");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_endpoint_that_leaves_a_ketama_ring_moves_its_own_keys_only() {
    moves_its_own_keys_only(Ring::ketama);
}

#[test]
fn an_endpoint_that_leaves_rendezvous_moves_its_own_keys_only() {
    moves_its_own_keys_only(Rendezvous::new);
}

/// Of the others' keys no larger part than `share` moves; it may depend on the size of the set.
fn moves_few<T: Table + PartialEq>(
    weights: impl Strategy<Value = u32>,
    build: impl Fn(&Nodes) -> T,
    share: impl Fn(f64) -> f64,
) {
    let outcome = fixed::runner(150, 1_000).run(&set(weights), |case| {
        let count = case.0.len() as f64;
        let (before, after, gone) = leaving(case, &build)?;
        let kept = before
            .iter()
            .zip(&after)
            .filter(|(owner, _)| **owner != gone);
        let moved = kept
            .clone()
            .filter(|(before, after)| before != after)
            .count();
        let part = moved as f64 / kept.count().max(1) as f64;
        prop_assert!(part <= share(count), "{part} of the others' keys moved");
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_endpoint_that_leaves_a_sized_ring_moves_few_keys_of_the_others() {
    moves_few(
        Just(1),
        |nodes| Ring::sized(nodes, SIZES),
        |count| 2.0 / count,
    );
}

#[test]
fn an_endpoint_that_leaves_maglev_moves_few_keys_of_the_others() {
    // Little more than a hundred slots per endpoint, and more than four hundred.
    for (size, share) in [(1201, 0.1), (5003, 0.06)] {
        let build = |nodes: &Nodes| Maglev::new(nodes, size).unwrap();
        moves_few(1..4u32, build, |_| share);
    }
}

#[test]
fn every_node_of_a_maglev_table_has_its_part_to_one_round() {
    let sizes = prop_oneof![Just(1201), Just(2003), Just(5003)];
    let outcome = fixed::runner(150, 1_000).run(&(set(1..1000u32), sizes), |((set, _), size)| {
        let nodes = Nodes::new(&set);
        let equal: Vec<_> = set.iter().map(|node| node.clone().weighing(7)).collect();
        for nodes in [nodes, Nodes::new(&equal)] {
            let table = Maglev::new(&nodes, size).unwrap();
            let (slots, weights) = (f64::from(size), nodes.weight() as f64);
            for (node, number) in nodes.iter().zip(0..) {
                let count = table.slots().iter().filter(|slot| **slot == number).count() as f64;
                let weight = f64::from(node.weight);
                let (least, most) = match nodes.iter().all(|other| other.weight == node.weight) {
                    true => (
                        (slots * weight / weights).floor(),
                        (slots * weight / weights).ceil(),
                    ),
                    false => {
                        let others = slots - nodes.len() as f64;
                        (
                            others * weight / weights - 1.0,
                            slots * weight / weights + 2.0,
                        )
                    }
                };
                prop_assert!(
                    (least..=most).contains(&count),
                    "{count}, not {least} to {most}"
                );
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_maglev_order_passes_every_slot_once() {
    let sizes = prop_oneof![Just(2), Just(3), Just(7), Just(251), Just(1009)];
    let outcome = fixed::runner(300, 1_000).run(&(sizes, 0..1000u32), |(size, name)| {
        let order = Permutation::of(&format!("s{name}"), size);
        let slots = (0..size).map(|turn| (order.offset + turn * order.skip) % size);
        let mut slots: Vec<_> = slots.collect();
        slots.sort_unstable();
        prop_assert!(slots.into_iter().eq(0..size));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
