//! Random sets, keys, refusals and ends of calls never bring consistent hashing out of its law: what a
//! balancer picks is what tables that are built from the willing endpoints alone say, and a change of the
//! set moves the keys it has to.

use crate::fixed;
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::{collections::BTreeMap, sync::Arc};
use windtunnel_models::balance::hashed::{
    Counters, Hashed, Layout, Maglev, Nodes, Permutation, Policy, Rendezvous, Ring, Sizes, Table,
};
use windtunnel_models::balance::{Balancer, Call, Endpoint, InFlight, NoEndpoint, Outcome};

/// Endpoints that may be in the set.
const NAMES: [&str; 6] = ["a:80", "b:80", "c:80", "d:80", "e:80", "f:80"];

/// What they weigh.
const WEIGHTS: [[u32; 6]; 2] = [[1; 6], [1, 3, 2, 1, 0, 2]];

const SIZES: Sizes = Sizes {
    minimum: 256,
    maximum: 2048,
};

const MAGLEV: u32 = 1009;

/// What happens to a balancer.
#[derive(Clone, Debug)]
enum Operation {
    /// A call comes; the endpoints of one mask do not come into question, those of the other refuse it.
    Pick {
        key: Option<u64>,
        barred: u8,
        refusing: u8,
    },
    /// The call that is so far down the list of open ones ends.
    End(Index, Outcome),
    /// The set becomes those of this mask, in this order, with these weights.
    Update {
        members: u8,
        turned: usize,
        weights: usize,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let mask = || 0..1u8 << NAMES.len();
    // A few keys are hot.
    let key = || {
        prop_oneof![
            1 => Just(None),
            4 => (0..4u64).prop_map(|hot| Some(scattered(hot))),
            4 => any::<u64>().prop_map(Some),
        ]
    };
    let pick = |(key, barred, refusing)| Operation::Pick {
        key,
        barred,
        refusing,
    };
    let outcome = prop_oneof![
        Just(Outcome::Success),
        Just(Outcome::Failure { patience: None }),
        Just(Outcome::Cancelled),
    ];
    let update = |(members, turned, weights)| Operation::Update {
        members,
        turned,
        weights,
    };
    prop_oneof![
        10 => (key(), Just(0), Just(0)).prop_map(pick),
        3 => (key(), mask(), Just(0)).prop_map(pick),
        3 => (key(), mask(), mask()).prop_map(pick),
        6 => (any::<Index>(), outcome).prop_map(|(call, outcome)| Operation::End(call, outcome)),
        1 => (mask(), 0..NAMES.len(), 0..WEIGHTS.len()).prop_map(update),
    ]
}

/// A hash of a small number.
fn scattered(number: u64) -> u64 {
    (number + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31)
}

fn has(mask: u8, name: &str) -> bool {
    let mut bits = NAMES.iter().enumerate();
    bits.any(|(bit, known)| *known == name && mask & (1 << bit) != 0)
}

fn endpoints(mask: u8, weights: usize) -> Vec<Endpoint> {
    let named = NAMES.iter().zip(WEIGHTS[weights]);
    named
        .filter(|(name, _)| has(mask, name))
        .map(|(name, weight)| Endpoint::new(*name).weighing(weight))
        .collect()
}

/// Every set of endpoints with a table of its own: who owns a key is looked up in the table of those that
/// are willing, so there is no order of succession in here that could be wrong.
struct Tables {
    layout: Layout,
    /// By weights and mask.
    tables: BTreeMap<(usize, u8), (Nodes, Box<dyn Table>, Rendezvous)>,
    rings: BTreeMap<(usize, u8), Ring>,
}

impl Tables {
    fn new(layout: Layout) -> Self {
        let masks = 0..1u8 << NAMES.len();
        let sets = (0..WEIGHTS.len()).flat_map(|weights| masks.clone().map(move |m| (weights, m)));
        let (mut tables, mut rings) = (BTreeMap::new(), BTreeMap::new());
        for (weights, mask) in sets {
            let nodes = Nodes::new(&endpoints(mask, weights));
            let table: Box<dyn Table> = match layout {
                Layout::Ketama => Box::new(Ring::ketama(&nodes)),
                Layout::Ring(sizes) => {
                    let ring = Ring::sized(&nodes, sizes);
                    rings.insert((weights, mask), ring.clone());
                    Box::new(ring)
                }
                Layout::Maglev(size) => Box::new(Maglev::new(&nodes, size).unwrap()),
                Layout::Rendezvous => Box::new(Rendezvous::new(&nodes)),
            };
            let jumps = Rendezvous::new(&nodes);
            tables.insert((weights, mask), (nodes, table, jumps));
        }
        Self {
            layout,
            tables,
            rings,
        }
    }

    fn owner(&self, key: u64, weights: usize, mask: u8) -> Option<Arc<str>> {
        let (nodes, table, _) = &self.tables[&(weights, mask)];
        table.owner(key).map(|node| nodes[node].name.clone())
    }

    fn jump(&self, key: u64, weights: usize, mask: u8) -> Option<Arc<str>> {
        let (nodes, _, jumps) = &self.tables[&(weights, mask)];
        jumps.owner(key).map(|node| nodes[node].name.clone())
    }

    /// Who gets a key if of `members` those of `willing` may.
    fn heir(&self, key: u64, weights: usize, members: u8, willing: u8) -> Option<Arc<str>> {
        match self.layout {
            Layout::Ketama | Layout::Rendezvous => self.owner(key, weights, willing),
            Layout::Maglev(_) => {
                let owner = self.owner(key, weights, members)?;
                if has(willing, &owner) {
                    return Some(owner);
                }
                self.jump(key, weights, willing)
            }
            Layout::Ring(_) => {
                let nodes = &self.tables[&(weights, members)].0;
                let points = self.rings[&(weights, members)].points();
                let willing = points.filter(|(_, node)| has(willing, &nodes[*node].name));
                // The nearest point from the key on.
                let nearest = willing.min_by_key(|(at, _)| at.wrapping_sub(key));
                nearest.map(|(_, node)| nodes[node].name.clone())
            }
        }
    }
}

/// A balancer and what its callers know of it.
struct Bench<'a> {
    tables: &'a Tables,
    percent: Option<u32>,
    balancer: Hashed,
    members: u8,
    listed: Vec<Arc<str>>,
    weights: usize,
    /// How often a name came into the set: one that left and comes back is another endpoint.
    comings: BTreeMap<Arc<str>, u32>,
    /// Open calls, each with the coming of its endpoint.
    calls: Vec<(InFlight, u32)>,
    counted: Counters,
}

impl<'a> Bench<'a> {
    fn new(tables: &'a Tables, percent: Option<u32>, members: u8) -> Self {
        let policy = Policy {
            layout: tables.layout,
            bound: percent,
        };
        let mut bench = Self {
            tables,
            percent,
            balancer: Hashed::new(&policy, &[], ChaCha8Rng::seed_from_u64(1)).unwrap(),
            members: 0,
            listed: Vec::new(),
            weights: 0,
            comings: BTreeMap::new(),
            calls: Vec::new(),
            counted: Counters::default(),
        };
        bench.update(members, 0, 0);
        bench
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Pick {
                key,
                barred,
                refusing,
            } => self.pick(key, barred, refusing)?,
            Operation::End(which, outcome) if !self.calls.is_empty() => {
                let (mut call, _) = self.calls.swap_remove(which.index(self.calls.len()));
                call.report(outcome);
                match outcome {
                    Outcome::Success => self.counted.succeeded += 1,
                    Outcome::Failure { .. } => self.counted.failed += 1,
                    Outcome::Cancelled => self.counted.cancelled += 1,
                }
            }
            Operation::End(..) => {}
            Operation::Update {
                members,
                turned,
                weights,
            } => self.update(members, turned, weights),
        }
        let loads = self.listed.iter();
        let loads: Vec<_> = loads
            .map(|name| (name.clone(), self.load(name) as usize))
            .collect();
        prop_assert_eq!(self.balancer.loads(), loads);
        // Whether a call without a key overflowed only the balancer knows.
        let mut counters = self.balancer.counters();
        prop_assert!(counters.overflowed >= self.counted.overflowed);
        counters.overflowed = self.counted.overflowed;
        prop_assert_eq!(counters, self.counted);
        Ok(())
    }

    fn update(&mut self, members: u8, turned: usize, weights: usize) {
        let mut set = endpoints(members, weights);
        if !set.is_empty() {
            let by = turned % set.len();
            set.rotate_left(by);
        }
        let known = (self.members, self.weights);
        let is_same = Nodes::new(&endpoints(known.0, known.1)) == Nodes::new(&set);
        self.counted.builds += u64::from(!is_same);
        for endpoint in &set {
            if !has(self.members, &endpoint.name) {
                *self.comings.entry(endpoint.name.clone()).or_default() += 1;
            }
        }
        self.balancer.update(&set);
        self.listed = set.into_iter().map(|endpoint| endpoint.name).collect();
        (self.members, self.weights) = (members, weights);
    }

    /// How many calls are open at an endpoint.
    fn load(&self, name: &str) -> u64 {
        let coming = self.comings[name];
        let open = self.calls.iter();
        open.filter(|(call, came)| **call.endpoint() == *name && *came == coming)
            .count() as u64
    }

    /// Those of a mask that are in the set and have a share, each with its weight.
    fn sharing(&self, mask: u8) -> impl Iterator<Item = (usize, &'static str, u32)> {
        let mask = mask & self.members;
        let named = NAMES.into_iter().zip(WEIGHTS[self.weights]).enumerate();
        named
            .map(|(bit, (name, weight))| (bit, name, weight))
            .filter(move |(bit, _, weight)| mask & (1 << bit) != 0 && *weight > 0)
    }

    /// Those of the willing that may get one more call.
    fn with_room(&self, willing: u8) -> u8 {
        let Some(percent) = self.percent.map(u64::from) else {
            return willing;
        };
        let calls: u64 = self
            .sharing(willing)
            .map(|(_, name, _)| self.load(name))
            .sum();
        let weights: u64 = self
            .sharing(willing)
            .map(|(_, _, weight)| u64::from(weight))
            .sum();
        let room = self.sharing(willing).filter(|(_, name, weight)| {
            // Below the capacity: so many are less than the bound allows, rounded up or not.
            self.load(name) * 100 * weights < percent * (calls + 1) * u64::from(*weight)
        });
        room.fold(0, |mask, (bit, ..)| mask | 1 << bit)
    }

    /// Where a call with this key belongs, and whether it is not at home there.
    fn place(&self, key: u64, willing: u8) -> Option<(Arc<str>, bool)> {
        let home = self.tables.heir(key, self.weights, self.members, willing)?;
        let room = self.with_room(willing);
        if has(room, &home) {
            return Some((home, false));
        }
        let jump = self.tables.jump(key, self.weights, room);
        Some((jump.expect("somebody has room"), true))
    }

    fn pick(&mut self, key: Option<u64>, barred: u8, refusing: u8) -> Result<(), TestCaseError> {
        let mut asked: Vec<Arc<str>> = Vec::new();
        let call = Call {
            key,
            eligible: &|name| !has(barred, name),
        };
        let answer = self.balancer.pick(&call, &mut |name| {
            asked.push(name.clone());
            !has(refusing, name)
        });
        let mut willing = self.members & !barred;
        let eligible = self.sharing(willing).count();
        for (turn, name) in asked.iter().enumerate() {
            let fits = self.sharing(willing).any(|(_, known, _)| known == &**name);
            prop_assert!(fits, "{name} must not be asked, or not again: {asked:?}");
            prop_assert!(has(self.with_room(willing), name), "{name} has no room");
            if let Some(key) = key {
                let place = self.place(key, willing);
                let (expected, is_overflow) = place.expect("somebody is willing");
                prop_assert_eq!(name, &expected);
                let is_last = turn + 1 == asked.len() && answer.is_ok();
                self.counted.overflowed += u64::from(is_overflow && is_last);
            }
            let bit = NAMES.iter().position(|known| *known == &**name);
            willing &= !(1 << bit.expect("it was in the set"));
        }
        self.counted.offered += 1;
        match answer {
            Ok(call) => {
                self.counted.admitted += 1;
                prop_assert!(asked.last() == Some(call.endpoint()));
                prop_assert!(!has(refusing, call.endpoint()));
                let coming = self.comings[call.endpoint()];
                self.calls.push((call, coming));
            }
            Err(none) => {
                self.counted.refused += 1;
                prop_assert_eq!(asked.len(), eligible);
                let expected = match (self.listed.len(), eligible) {
                    (0, _) => NoEndpoint::Empty,
                    (endpoints, 0) => NoEndpoint::NoneEligible { endpoints },
                    (_, asked) => NoEndpoint::NoneAdmits { asked },
                };
                prop_assert_eq!(none, expected);
            }
        }
        Ok(())
    }
}

/// The same law with and without a bound.
fn holds(layout: Layout) {
    let tables = Tables::new(layout);
    let percent = prop_oneof![Just(None), (101..300u32).prop_map(Some)];
    let cases = (percent, 0..1u8 << NAMES.len(), vec(operation(), 1..80));
    let outcome = fixed::runner(400, 10_000).run(&cases, |(percent, members, operations)| {
        let mut bench = Bench::new(&tables, percent, members);
        let mut operations = operations.into_iter();
        operations.try_for_each(|operation| bench.apply(operation))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn random_operations_keep_a_ketama_ring_to_what_a_ring_of_the_willing_says() {
    holds(Layout::Ketama);
}

#[test]
fn random_operations_keep_a_sized_ring_to_the_nearest_point_of_the_willing() {
    holds(Layout::Ring(SIZES));
}

#[test]
fn random_operations_keep_maglev_to_its_slots_and_the_rest_to_rendezvous() {
    holds(Layout::Maglev(MAGLEV));
}

#[test]
fn random_operations_keep_rendezvous_to_the_highest_score_of_the_willing() {
    holds(Layout::Rendezvous);
}

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

/// One endpoint leaves a set: who owned which key, who does then, and who left. What `build` builds from
/// the set in another order must be the same.
fn leaving<T: Table + PartialEq>(
    (set, index): (Vec<Endpoint>, Index),
    build: impl Fn(&Nodes) -> T,
) -> Result<(Vec<Arc<str>>, Vec<Arc<str>>, Arc<str>), TestCaseError> {
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
