//! Random calls, ends of calls and updates against a balancer.

use super::willing::{NAMES, Tables, WEIGHTS, endpoints, has};
use super::{SIZES, scattered};
use crate::fixed;
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::{collections::BTreeMap, sync::Arc};
use windtunnel_models::balance::hashed::{Bound, Counters, Hashed, Layout, Nodes, Policy};
use windtunnel_models::balance::{Balancer, Call, InFlight, NoEndpoint, Outcome};

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
            bound: percent.map(|percent| Bound::percent(percent).unwrap()),
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
    holds(Layout::Maglev(1009));
}

#[test]
fn random_operations_keep_rendezvous_to_the_highest_score_of_the_willing() {
    holds(Layout::Rendezvous);
}
