//! Random picks, refusals, returns and updates never bring the balancers out of their law.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::{collections::BTreeMap, sync::Arc};
use windtunnel_models::balance::{Balancer, Call, Endpoint, InFlight, NoEndpoint, Policy};

/// Endpoints that may be in the set.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What happens to a balancer.
#[derive(Clone, Debug)]
enum Operation {
    /// A call comes; the endpoints of one mask do not come into question, those of the other refuse it.
    Pick { barred: u8, refusing: u8 },
    /// The call that is so far down the list of open ones ends.
    End(prop::sample::Index),
    /// The set becomes those of this mask, in this order.
    Update { members: u8, turned: usize },
}

fn operation() -> impl Strategy<Value = Operation> {
    let mask = 0..1u8 << NAMES.len();
    let turn = 0..NAMES.len();
    prop_oneof![
        8 => Just(Operation::Pick { barred: 0, refusing: 0 }),
        2 => mask.clone().prop_map(|refusing| Operation::Pick { barred: 0, refusing }),
        2 => (mask.clone(), mask.clone())
            .prop_map(|(barred, refusing)| Operation::Pick { barred, refusing }),
        5 => any::<prop::sample::Index>().prop_map(Operation::End),
        1 => (mask, turn).prop_map(|(members, turned)| Operation::Update { members, turned }),
    ]
}

fn names(mask: u8, turned: usize) -> Vec<Arc<str>> {
    let chosen = NAMES
        .iter()
        .enumerate()
        .filter(|(bit, _)| mask & (1 << bit) != 0);
    let mut names: Vec<Arc<str>> = chosen.map(|(_, name)| (*name).into()).collect();
    if !names.is_empty() {
        let by = turned % names.len();
        names.rotate_left(by);
    }
    names
}

fn refuses(mask: u8, name: &str) -> bool {
    NAMES
        .iter()
        .enumerate()
        .any(|(bit, known)| *known == name && mask & (1 << bit) != 0)
}

/// A balancer and what its callers know of it.
struct Bench {
    policy: Policy,
    balancer: Box<dyn Balancer>,
    members: Vec<Arc<str>>,
    /// How often a name came into the set: one that left and comes back is another endpoint.
    comings: BTreeMap<Arc<str>, u32>,
    /// Open calls, each with the coming of its endpoint.
    calls: Vec<(InFlight, u32)>,
    /// What was picked since the set changed or somebody refused.
    stretch: Vec<Arc<str>>,
    last: Option<Arc<str>>,
}

impl Bench {
    fn new(policy: Policy, members: u8) -> Self {
        let mut bench = Self {
            policy,
            balancer: policy
                .build(&[], ChaCha8Rng::seed_from_u64(1))
                .expect("it can be meant"),
            members: Vec::new(),
            comings: BTreeMap::new(),
            calls: Vec::new(),
            stretch: Vec::new(),
            last: None,
        };
        bench.update(members, 0);
        bench
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Pick { barred, refusing } => self.pick(barred, refusing)?,
            Operation::End(which) if !self.calls.is_empty() => {
                drop(self.calls.swap_remove(which.index(self.calls.len())));
            }
            Operation::End(_) => {}
            Operation::Update { members, turned } => self.update(members, turned),
        }
        let expected: Vec<_> = self
            .members
            .iter()
            .map(|m| (m.clone(), self.load(m)))
            .collect();
        prop_assert_eq!(self.balancer.loads(), expected);
        Ok(())
    }

    fn update(&mut self, members: u8, turned: usize) {
        let new = names(members, turned);
        for name in new.iter().filter(|name| !self.members.contains(name)) {
            *self.comings.entry(name.clone()).or_default() += 1;
        }
        let endpoints: Vec<_> = new.iter().cloned().map(Endpoint::new).collect();
        self.balancer.update(&endpoints);
        self.members = new;
        self.stretch.clear();
        self.last = None;
    }

    /// How many calls are open at an endpoint.
    fn load(&self, name: &Arc<str>) -> usize {
        let coming = self.comings[name];
        let open = self.calls.iter();
        open.filter(|(call, came)| call.endpoint() == name && *came == coming)
            .count()
    }

    fn pick(&mut self, barred: u8, refusing: u8) -> Result<(), TestCaseError> {
        let mut asked: Vec<Arc<str>> = Vec::new();
        let call = Call {
            eligible: &|name| !refuses(barred, name),
            ..Call::default()
        };
        let answer = self.balancer.pick(&call, &mut |name| {
            asked.push(name.clone());
            !refuses(refusing, name)
        });
        let mut once = asked.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), asked.len(), "asked twice: {:?}", asked);
        prop_assert!(
            !asked.iter().any(|name| refuses(barred, name)),
            "{:?}",
            asked
        );
        let members = self.members.iter();
        let eligible: Vec<Arc<str>> = members.filter(|m| !refuses(barred, m)).cloned().collect();
        let mut willing = eligible.clone();
        willing.retain(|m| !refuses(refusing, m));
        let call = match answer {
            Ok(call) => call,
            Err(NoEndpoint::Empty) => {
                prop_assert!(self.members.is_empty());
                return Ok(());
            }
            Err(NoEndpoint::NoneEligible { endpoints }) => {
                prop_assert!(eligible.is_empty(), "{:?} were eligible", eligible);
                prop_assert_eq!(endpoints, self.members.len());
                return Ok(());
            }
            Err(NoEndpoint::NoneAdmits { asked }) => {
                prop_assert!(willing.is_empty(), "{:?} would have admitted", willing);
                prop_assert_eq!(asked, eligible.len());
                return Ok(());
            }
        };
        let picked = call.endpoint().clone();
        prop_assert!(
            willing.contains(&picked),
            "{picked} is not among {:?}",
            willing
        );
        match self.policy {
            Policy::RoundRobin => self.takes_turns(&picked, &willing, barred | refusing)?,
            _ => self.spares_the_busiest(&picked, &asked, &eligible)?,
        }
        let coming = self.comings[&picked];
        self.calls.push((call, coming));
        Ok(())
    }

    /// Of two different endpoints that had not refused yet, the less loaded one: never the only one
    /// that has most. Whether the other would have admitted the call nobody asked.
    fn spares_the_busiest(
        &self,
        picked: &Arc<str>,
        asked: &[Arc<str>],
        eligible: &[Arc<str>],
    ) -> Result<(), TestCaseError> {
        let load = self.load(picked);
        let mut others = eligible.iter().filter(|m| !asked.contains(m));
        let alone = others.clone().next().is_none();
        let as_busy = others.any(|name| self.load(name) >= load);
        prop_assert!(alone || as_busy, "{picked} has most: {load}");
        Ok(())
    }

    /// The next willing one after the last pick, and over every window as many as each other one.
    fn takes_turns(
        &mut self,
        picked: &Arc<str>,
        willing: &[Arc<str>],
        refusing: u8,
    ) -> Result<(), TestCaseError> {
        if let Some(last) = &self.last {
            let at = self
                .members
                .iter()
                .position(|m| m == last)
                .expect("it did not leave");
            let (before, after) = self.members.split_at(at + 1);
            let mut ring = after.iter().chain(before);
            prop_assert_eq!(Some(picked), ring.find(|name| willing.contains(name)));
        }
        self.last = Some(picked.clone());
        if refusing != 0 {
            self.stretch.clear();
            return Ok(());
        }
        self.stretch.push(picked.clone());
        // Earlier windows were looked at when they ended.
        for from in 0..self.stretch.len() {
            let window = &self.stretch[from..];
            let counts = self
                .members
                .iter()
                .map(|m| window.iter().filter(|p| *p == m).count());
            let (least, most) = counts.fold((usize::MAX, 0), |(l, m), c| (l.min(c), m.max(c)));
            prop_assert!(most - least <= 1, "{:?}", window);
        }
        Ok(())
    }
}

fn holds(policy: Policy) {
    let cases = (0..1u8 << NAMES.len(), vec(operation(), 1..100));
    let outcome = fixed::runner(1_500, 10_000).run(&cases, |(members, operations)| {
        let mut bench = Bench::new(policy, members);
        operations
            .into_iter()
            .try_for_each(|step| bench.apply(step))
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn random_operations_keep_round_robin_fair_and_its_counts_right() {
    holds(Policy::RoundRobin);
}

#[test]
fn random_operations_keep_power_of_two_off_the_busiest_and_its_counts_right() {
    holds(Policy::PowerOfTwo);
}
