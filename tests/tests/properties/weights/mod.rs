//! Random picks, refusals, ends, updates and time never bring the weighted and the load-aware balancers
//! out of their law, which stands a second time here: as plain models that are written from the law and
//! draw from a generator of the same seed. A model says who is asked in which order, and so who is picked.

mod chosen;
mod latency;
mod peers;
mod scenes;
mod schedule;
mod twins;

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{runtime, time, time::Instant};
use windtunnel_models::balance::{Balancer, Call, Endpoint, InFlight, Outcome};

/// Endpoints that may be in the set.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

type Name = Arc<str>;

/// Calls in flight, by name.
type Loads<'a> = dyn Fn(&str) -> usize + 'a;

/// Who may be asked, by name.
type May<'a> = dyn Fn(&str) -> bool + 'a;

/// What happens to a balancer.
#[derive(Clone, Debug)]
enum Operation {
    /// A call comes; the endpoints of one mask do not come into question, those of the other refuse it.
    Pick { barred: u8, refusing: u8 },
    /// The call that is so far down the list of open ones ends.
    End(prop::sample::Index, Outcome),
    /// The set becomes those that have a weight, turned by so many.
    Update(Set),
    /// So many milliseconds pass.
    Pass(u64),
}

/// Weights of those in the set, and by how many it is turned.
type Set = ([Option<u32>; NAMES.len()], usize);

fn set() -> impl Strategy<Value = Set> {
    let some = || prop::array::uniform6(any::<bool>());
    let level = (some(), 1..=2u32).prop_map(|(some, weight)| some.map(|is| is.then_some(weight)));
    let weight = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 8 => (1..=6u32).prop_map(Some)];
    let uneven = prop::array::uniform6(weight);
    (prop_oneof![1 => level, 2 => uneven], 0..NAMES.len())
}

fn endpoints((weights, turned): &Set) -> Vec<Endpoint> {
    let each = NAMES.iter().zip(weights);
    let mut endpoints: Vec<Endpoint> = each
        .filter_map(|(name, weight)| Some(Endpoint::new(*name).weighing((*weight)?)))
        .collect();
    let by = turned % endpoints.len().max(1);
    endpoints.rotate_left(by);
    endpoints
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let failure = |patience| Just(Outcome::Failure { patience });
    prop_oneof![
        4 => Just(Outcome::Success),
        2 => failure(None),
        1 => failure(Some(Duration::ZERO)),
        1 => failure(Some(Duration::from_secs(2))),
        1 => failure(Some(Duration::from_secs(2_000))),
        2 => Just(Outcome::Cancelled),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let mask = || 0..1u8 << NAMES.len();
    let which = any::<prop::sample::Index>;
    prop_oneof![
        8 => Just(Operation::Pick { barred: 0, refusing: 0 }),
        2 => mask().prop_map(|refusing| Operation::Pick { barred: 0, refusing }),
        2 => (mask(), mask()).prop_map(|(barred, refusing)| Operation::Pick { barred, refusing }),
        7 => (which(), outcome()).prop_map(|(which, outcome)| Operation::End(which, outcome)),
        1 => set().prop_map(Operation::Update),
        // Beside and on the edges of ten seconds and of one.
        2 => (0..=2u64).prop_map(Operation::Pass),
        1 => (0..=3u64).prop_map(|seconds| Operation::Pass(seconds * 1_000)),
        1 => (9_999..=10_001u64).prop_map(Operation::Pass),
        1 => (0..=200u64).prop_map(|n| Operation::Pass(n * n)),
    ]
}

fn is_in(mask: u8, name: &str) -> bool {
    let mut bits = NAMES.iter().enumerate();
    bits.any(|(bit, known)| *known == name && mask & (1 << bit) != 0)
}

/// What a balancer has to do, as a model.
trait Law: Clone {
    type Tested: Balancer;

    fn update(&mut self, endpoints: &[Endpoint], loads: &Loads<'_>);

    /// Who is asked next among those that may be.
    fn pick(&mut self, may: &May<'_>, loads: &Loads<'_>) -> Option<Name>;

    /// What is left of `after`, the model after a pick that was refused; `self` is the one before it.
    fn taken_back(self, after: Self) -> Self;

    /// A call ended there, and its endpoint has been in the set since it began.
    fn ended(&mut self, name: &str, began: Instant, outcome: Outcome) {
        let _ = (name, began, outcome);
    }

    /// What can be seen of the balancer is as the model has it.
    fn agrees(&self, tested: &Self::Tested) -> Result<(), TestCaseError> {
        let _ = tested;
        Ok(())
    }
}

/// An open call, and which coming of its endpoint it belongs to.
struct Open {
    call: InFlight,
    coming: u32,
    began: Instant,
}

/// A balancer, its law, and what their callers know.
struct Bench<L: Law> {
    tested: L::Tested,
    law: L,
    members: Vec<Name>,
    /// How often a name came into the set: one that left and comes back is another endpoint.
    comings: BTreeMap<Name, u32>,
    calls: Vec<Open>,
}

impl<L: Law> Bench<L> {
    fn new(tested: L::Tested, law: L) -> Self {
        Self {
            tested,
            law,
            members: Vec::new(),
            comings: BTreeMap::new(),
            calls: Vec::new(),
        }
    }

    async fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Pick { barred, refusing } => self.pick(barred, refusing)?,
            Operation::End(..) if self.calls.is_empty() => {}
            Operation::End(which, outcome) => self.end(which.index(self.calls.len()), outcome),
            Operation::Update(set) => self.update(&endpoints(&set)),
            Operation::Pass(millis) => time::sleep(Duration::from_millis(millis)).await,
        }
        let members = self.members.iter();
        let expected: Vec<_> = members.map(|m| (m.clone(), self.load(m))).collect();
        prop_assert_eq!(self.tested.loads(), expected);
        self.law.agrees(&self.tested)
    }

    fn load(&self, name: &str) -> usize {
        let coming = self.comings.get(name).copied().unwrap_or(0);
        let open = self.calls.iter();
        open.filter(|open| &**open.call.endpoint() == name && open.coming == coming)
            .count()
    }

    fn update(&mut self, endpoints: &[Endpoint]) {
        for endpoint in endpoints {
            if !self.members.contains(&endpoint.name) {
                *self.comings.entry(endpoint.name.clone()).or_default() += 1;
            }
        }
        self.members = endpoints.iter().map(|e| e.name.clone()).collect();
        self.tested.update(endpoints);
        let mut law = self.law.clone();
        law.update(endpoints, &|name| self.load(name));
        self.law = law;
    }

    fn end(&mut self, at: usize, outcome: Outcome) {
        let Open {
            mut call,
            coming,
            began,
        } = self.calls.swap_remove(at);
        let name = call.endpoint().clone();
        call.report(outcome);
        drop(call);
        if self.members.contains(&name) && self.comings[&name] == coming {
            self.law.ended(&name, began, outcome);
        }
    }

    fn pick(&mut self, barred: u8, refusing: u8) -> Result<(), TestCaseError> {
        let (expected, picked) = self.expected(barred, refusing);
        let mut asked: Vec<Name> = Vec::new();
        let call = Call {
            eligible: &|name| !is_in(barred, name),
            ..Call::default()
        };
        let answer = self.tested.pick(&call, &mut |name| {
            asked.push(name.clone());
            !is_in(refusing, name)
        });
        prop_assert_eq!(asked, expected);
        let answer = answer.ok();
        let got = answer.as_ref().map(|call| call.endpoint().clone());
        prop_assert_eq!(&got, &picked);
        if let Some(call) = answer {
            self.calls.push(Open {
                coming: self.comings[call.endpoint()],
                call,
                began: Instant::now(),
            });
        }
        Ok(())
    }

    /// Who has to be asked, in which order, and who is picked in the end.
    fn expected(&mut self, barred: u8, refusing: u8) -> (Vec<Name>, Option<Name>) {
        let mut law = self.law.clone();
        let mut asked: Vec<Name> = Vec::new();
        let picked = loop {
            let before = law.clone();
            let may = |name: &str| !is_in(barred, name) && !asked.iter().any(|a| **a == *name);
            let Some(next) = law.pick(&may, &|name| self.load(name)) else {
                break None;
            };
            asked.push(next.clone());
            if !is_in(refusing, &next) {
                break Some(next);
            }
            law = before.taken_back(law);
        };
        self.law = law;
        (asked, picked)
    }
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

/// Five hundred cases of forty to sixty operations each.
fn holds<L: Law>(build: impl Fn() -> (L::Tested, L)) {
    let cases = (set(), vec(operation(), 40..=60));
    let outcome = fixed::runner(500, 1_000).run(&cases, |(first, operations)| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let (tested, law) = build();
            let mut bench = Bench::new(tested, law);
            bench.update(&endpoints(&first));
            for operation in operations {
                bench.apply(operation).await?;
            }
            Ok(())
        })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// A number below `bound`, drawn as the balancers draw.
fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    let bound = bound as u128;
    loop {
        let product = u128::from(rng.next_u64()) * bound;
        // What does not divide the range evenly is drawn again.
        if product % (1 << 64) >= (1 << 64) % bound {
            return (product >> 64) as usize;
        }
    }
}

/// Two different numbers below `count`.
fn distinct(rng: &mut ChaCha8Rng, count: usize) -> (usize, usize) {
    let one = below(rng, count);
    let two = below(rng, count - 1);
    (one, if two < one { two } else { two + 1 })
}
