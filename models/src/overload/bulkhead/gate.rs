//! The shared bulkhead and the permit that gives its slot back exactly once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::machine::{Machine, Ticket};
use super::{Acquire, Policy, Refusals, Refused};
use crate::overload::call::Report;
use crate::overload::{Call, InvalidPolicy, Outcome, Priority, Tally};

/// Sees what a bulkhead decides about calls that waited, or were turned away; called after its lock was
/// given back, so it may ask the bulkhead.
pub trait Observer: Send + Sync + 'static {
    /// A call that had to wait got its slot.
    fn granted(&self, name: &str, priority: Priority, waited: Duration) {
        let _ = (name, priority, waited);
    }

    /// A call was turned away.
    fn refused(&self, name: &str, priority: Priority, refused: &Refused) {
        let _ = (name, priority, refused);
    }
}

/// Nobody looks.
impl Observer for () {}

/// The bulkhead of one dependency; clones share it.
#[derive(Clone)]
pub struct Bulkhead {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    compartments: [Mutex<State>; Priority::ALL.len()],
    observer: Arc<dyn Observer>,
}

/// A compartment, and those who wait for its decisions.
#[derive(Debug)]
pub(super) struct State {
    pub(super) machine: Machine,
    pub(super) waiters: BTreeMap<Ticket, Waiter>,
}

/// A call that waits, or does not know yet that it no longer has to.
#[derive(Debug)]
pub(super) enum Waiter {
    Waits(Waker),
    Decided(Result<(), Refused>),
}

impl Bulkhead {
    /// An empty bulkhead.
    ///
    /// # Errors
    ///
    /// A compartment cannot be meant.
    pub fn new(
        name: impl Into<Arc<str>>,
        policy: &Policy,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidPolicy> {
        let compartment = |priority| {
            Ok(Mutex::new(State {
                machine: Machine::new(*policy.of(priority))?,
                waiters: BTreeMap::new(),
            }))
        };
        let [health, critical, normal, batch] = Priority::ALL;
        let shared = Shared {
            name: name.into(),
            compartments: [
                compartment(health)?,
                compartment(critical)?,
                compartment(normal)?,
                compartment(batch)?,
            ],
            observer,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Asks for a slot, and waits for it if it may. The call asks when the future is first polled; a
    /// future that is dropped leaves the queue, and passes a slot on that it was given in the meantime.
    pub fn acquire(&self, call: &Call) -> Acquire {
        Acquire::new(self.clone(), call)
    }

    /// What became of the calls of a class so far.
    pub fn tally(&self, priority: Priority) -> Tally {
        self.change(priority, |state, _| *state.machine.tally())
    }

    /// Why calls of a class were not admitted.
    pub fn refusals(&self, priority: Priority) -> Refusals {
        self.change(priority, |state, _| *state.machine.refusals())
    }

    /// Changes a compartment; those whose wait that ended are woken and the observer is told once the
    /// lock is given back.
    pub(super) fn change<T>(
        &self,
        priority: Priority,
        act: impl FnOnce(&mut State, Instant) -> T,
    ) -> T {
        let (answer, decisions, wakers) = {
            let state = self.shared.compartments[priority.index()].lock();
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            let now = state.machine.advance(Instant::now());
            let answer = act(&mut state, now);
            let decisions = state.machine.take_decisions();
            let wakers: Vec<Waker> = decisions
                .iter()
                .filter_map(|made| state.decide(made.ticket, made.verdict.map(|_| ())))
                .collect();
            (answer, decisions, wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        for decision in decisions {
            match decision.verdict {
                Ok(waited) => self.shared.observer.granted(self.name(), priority, waited),
                Err(refused) => self.tell_refused(priority, &refused),
            }
        }
        answer
    }

    pub(super) fn tell_refused(&self, priority: Priority, refused: &Refused) {
        self.shared.observer.refused(self.name(), priority, refused);
    }
}

impl State {
    /// Keeps what was decided until its call asks for it.
    fn decide(&mut self, ticket: Ticket, verdict: Result<(), Refused>) -> Option<Waker> {
        let waiter = self.waiters.get_mut(&ticket)?;
        match std::mem::replace(waiter, Waiter::Decided(verdict)) {
            Waiter::Waits(waker) => Some(waker),
            Waiter::Decided(_) => None,
        }
    }
}

impl std::fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}

/// The right to one call. Dropped without a report (the caller went away) it counts as cancelled.
#[derive(Debug)]
#[must_use = "a permit that is dropped reports no outcome"]
pub struct Permit {
    bulkhead: Bulkhead,
    priority: Priority,
    open: bool,
}

impl Permit {
    /// Of a slot that the machine has given.
    pub(super) const fn new(bulkhead: Bulkhead, priority: Priority) -> Self {
        Self {
            bulkhead,
            priority,
            open: true,
        }
    }

    /// Tells how the call ended.
    pub fn report(mut self, outcome: Outcome) {
        self.settle(Some(outcome));
    }

    fn settle(&mut self, outcome: Option<Outcome>) {
        if std::mem::take(&mut self.open) {
            self.bulkhead
                .change(self.priority, |state, now| state.machine.end(outcome, now));
        }
    }
}

impl Report for Permit {
    fn report(self, outcome: Outcome) {
        Self::report(self, outcome);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.settle(None);
    }
}
