//! The balancer: looks keys up in a table and passes over endpoints that may not be called.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::Rng;

use super::super::asking::ask;
use super::super::members::{InFlight, Member, loads, updated};
use super::super::{Admits, Balancer, Call, Endpoint, NoEndpoint};
use super::counters::Tally;
use super::{Bound, Bounded, Counters, InvalidPolicy, Layout, Nodes, Place, Policy, Table};

/// Picks by the key of a call: the endpoint that the key belongs to, or if that one is not eligible,
/// refuses or has no room, the next in the key's order of succession. A call without a key is spread at
/// random, as if it had one of its own.
///
/// With a bound an endpoint never gets a call that is above its capacity for what all eligible endpoints
/// have in flight at that moment; counts are read and taken in one step. Calls are not moved once they
/// began, so when others end an endpoint may have more than its capacity of what is left.
pub struct Hashed {
    layout: Layout,
    bound: Option<Bound>,
    tally: Tally,
    state: Mutex<State>,
    /// Held over an update: the table is built before the state is locked, and one after the other.
    updating: Mutex<()>,
}

struct State {
    /// In the order that was given.
    members: Vec<Member<Tally>>,
    placement: Placement,
    /// By the number that the tables know them by.
    seats: Vec<Member<Tally>>,
    rng: Box<dyn Rng + Send>,
}

/// What is built from a set.
struct Placement {
    nodes: Nodes,
    table: Box<dyn Table>,
    bounded: Option<Bounded>,
}

impl Placement {
    fn new(nodes: Nodes, layout: Layout, bound: Option<Bound>) -> Self {
        Self {
            table: layout.table(&nodes),
            bounded: bound.map(|bound| Bounded::new(&nodes, bound)),
            nodes,
        }
    }
}

impl State {
    /// Begins a call at the place of its key; also whether it overflowed.
    fn draw(&self, key: u64, call: &Call<'_>, refused: &[Arc<str>]) -> Option<(InFlight, bool)> {
        let mut willing = |node: usize| {
            let name = &self.seats[node].name;
            (call.eligible)(name) && !refused.contains(name)
        };
        let Placement { table, bounded, .. } = &self.placement;
        let place = match bounded {
            None => Place::Home(table.heir(key, &mut willing)?),
            Some(bounded) => {
                let loads = self.seats.iter().enumerate();
                let loads: Vec<_> = loads
                    .map(|(node, seat)| willing(node).then(|| seat.load() as u64))
                    .collect();
                let calls = loads.iter().flatten().sum::<u64>() + 1;
                bounded.place(&**table, key, calls, &loads)?
            }
        };
        let taken = self.seats[place.node()].take();
        Some((taken, matches!(place, Place::Overflow(_))))
    }

    fn seat(&mut self, members: Vec<Member<Tally>>) {
        self.seats = members.clone();
        self.seats.retain(|member| member.weight > 0);
        self.seats.sort_by(|a, b| a.name.cmp(&b.name));
        self.members = members;
    }
}

impl Hashed {
    /// Picks among `endpoints`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: &Policy,
        endpoints: &[Endpoint],
        rng: impl Rng + Send + 'static,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let Policy { layout, bound } = *policy;
        let state = State {
            members: Vec::new(),
            placement: Placement::new(Nodes::default(), layout, bound),
            seats: Vec::new(),
            rng: Box::new(rng),
        };
        let hashed = Self {
            layout,
            bound,
            tally: Tally::default(),
            state: Mutex::new(state),
            updating: Mutex::new(()),
        };
        hashed.update(endpoints);
        Ok(hashed)
    }

    /// What became of the calls.
    pub fn counters(&self) -> Counters {
        self.tally.read()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Balancer for Hashed {
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint> {
        let (endpoints, key) = {
            let mut state = self.state();
            let key = call.key.unwrap_or_else(|| state.rng.next_u64());
            (state.members.len(), key)
        };
        let draw = |refused: &[Arc<str>]| {
            let drawn = self.state().draw(key, call, refused)?;
            self.tally.admitted(drawn.1);
            Some(drawn)
        };
        let picked = ask(endpoints, admits, draw, |is_overflow| {
            self.tally.undo(is_overflow);
        });
        if picked.is_err() {
            self.tally.refused();
        }
        picked
    }

    /// Replaces the set. The table is built anew only if names or weights changed.
    fn update(&self, endpoints: &[Endpoint]) {
        let _one_by_one = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = Nodes::new(endpoints);
        let is_known = self.state().placement.nodes == nodes;
        let placement = (!is_known).then(|| Placement::new(nodes, self.layout, self.bound));
        let mut state = self.state();
        let members = updated(&state.members, endpoints, |_| self.tally.clone());
        state.seat(members);
        if let Some(placement) = placement {
            state.placement = placement;
            self.tally.built();
        }
    }

    fn loads(&self) -> Vec<(Arc<str>, usize)> {
        loads(&self.state().members)
    }
}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hashed")
            .field("layout", &self.layout)
            .field("bound", &self.bound)
            .field("loads", &self.loads())
            .finish_non_exhaustive()
    }
}
