//! The breaker that many callers share.

use std::sync::{Arc, Mutex, PoisonError};

use rand_core::Rng;
use tokio::time::Instant;

use super::metrics::{Ending, Meters};
use super::{
    Change, Counts, InvalidPolicy, Machine, Outcome, Permit, Policy, Rejected, State, Ticket,
    Totals,
};

/// Sees what a breaker does; called after its lock was given back, so it may ask the breaker.
pub trait Observer: Send + Sync + 'static {
    /// The state changed.
    fn changed(&self, name: &str, change: &Change) {
        let _ = (name, change);
    }

    /// A call was not admitted.
    fn rejected(&self, name: &str, rejected: &Rejected) {
        let _ = (name, rejected);
    }

    /// The state would have changed, if the breaker did not only measure.
    fn would_have_changed(&self, name: &str, change: &Change) {
        let _ = (name, change);
    }

    /// A call was admitted that would not have been, if the breaker did not only measure.
    fn would_have_rejected(&self, name: &str, rejected: &Rejected) {
        let _ = (name, rejected);
    }
}

/// Nobody looks.
impl Observer for () {}

/// One breaker; clones share it.
#[derive(Clone)]
pub struct Breaker {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    machine: Mutex<Machine>,
    meters: Meters,
    observer: Arc<dyn Observer>,
}

impl Breaker {
    /// A closed breaker. Two breakers need two independent generators, or they open and close in step.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        name: impl Into<Arc<str>>,
        policy: Policy,
        rng: impl Rng + Send + 'static,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidPolicy> {
        let machine = Machine::new(policy, rng, Instant::now())?;
        let shared = Shared {
            name: name.into(),
            machine: Mutex::new(machine),
            meters: Meters::default(),
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

    /// Asks for one call, now.
    ///
    /// # Errors
    ///
    /// Open, held open, or half-open with all trials under way.
    pub fn admit(&self) -> Result<Permit, Rejected> {
        let Shared {
            name,
            meters,
            observer,
            ..
        } = &*self.shared;
        meters.offer();
        match self.with(Machine::admit) {
            Ok(ticket) => {
                let tolerated = ticket.would_have_been();
                meters.admit(tolerated.is_some());
                let permit = Permit::new(self.clone(), ticket);
                if let Some(rejected) = tolerated {
                    observer.would_have_rejected(name, &rejected);
                }
                Ok(permit)
            }
            Err(rejected) => {
                meters.refuse();
                observer.rejected(name, &rejected);
                Err(rejected)
            }
        }
    }

    /// Holds it open until it is told otherwise.
    pub fn isolate(&self) {
        self.with(Machine::isolate);
    }

    /// Lets everything through and counts nothing, until it is told otherwise.
    pub fn disable(&self) {
        self.with(Machine::disable);
    }

    /// Lets everything through and goes on with the law for the record, until it is told otherwise.
    pub fn only_measure(&self) {
        self.with(Machine::only_measure);
    }

    /// Closes it and forgets everything, whatever it was.
    pub fn reset(&self) {
        self.with(Machine::reset);
    }

    /// How many permits were given whose outcome is not known yet. Zero when nothing is under way:
    /// otherwise somebody lost one.
    pub fn outstanding(&self) -> usize {
        usize::try_from(self.totals().in_flight()).unwrap_or(usize::MAX)
    }

    /// What became of all calls since it was built. Reading it stops nobody.
    pub fn totals(&self) -> Totals {
        self.shared.meters.totals()
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.with(Machine::state)
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.with(Machine::counts)
    }

    /// The state the law is in, whatever an operator set.
    pub fn lawful_state(&self) -> State {
        self.with(Machine::lawful_state)
    }

    pub(super) fn settle(&self, ticket: Ticket, ending: Ending) {
        self.shared.meters.end(ending);
        let outcome = match ending {
            Ending::Told(outcome) => outcome,
            Ending::Cancelled => Outcome::Excluded,
        };
        self.with(|machine, now| machine.report(ticket, outcome, now));
    }

    /// Whether nobody else holds it or a permit of it, and it is closed. Looks without acting, so nobody
    /// is told anything.
    pub(super) fn is_at_rest(&self) -> bool {
        let machine = self.shared.machine.lock();
        let machine = machine.unwrap_or_else(PoisonError::into_inner);
        Arc::strong_count(&self.shared) == 1 && machine.is_at_rest()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let (answer, changes, would_have) = {
            let machine = self.shared.machine.lock();
            let mut machine = machine.unwrap_or_else(PoisonError::into_inner);
            let answer = act(&mut machine, Instant::now());
            (answer, machine.take_changes(), machine.take_would_have())
        };
        let Shared { name, observer, .. } = &*self.shared;
        for change in &changes {
            observer.changed(name, change);
        }
        for change in &would_have {
            observer.would_have_changed(name, change);
        }
        answer
    }
}

impl std::fmt::Debug for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}
