//! The shared breaker and the permit that reports exactly once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand_core::Rng;
use tokio::time::Instant;

use super::machine::{Machine, Ticket};
use super::{Change, Counts, InvalidPolicy, Outcome, Policy, Rejected, State};

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
    /// Permits that were given and have reported nothing yet.
    outstanding: AtomicUsize,
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
            outstanding: AtomicUsize::new(0),
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
    /// Open, or half-open with all trials under way.
    pub fn admit(&self) -> Result<Permit, Rejected> {
        match self.with(Machine::admit) {
            Ok(ticket) => {
                self.shared.outstanding.fetch_add(1, Ordering::Relaxed);
                Ok(Permit {
                    breaker: self.clone(),
                    ticket: Some(ticket),
                })
            }
            Err(rejected) => {
                self.shared.observer.rejected(&self.shared.name, &rejected);
                Err(rejected)
            }
        }
    }

    /// How many permits were given whose outcome is not known yet. Zero when nothing is under way:
    /// otherwise somebody lost one.
    pub fn outstanding(&self) -> usize {
        self.shared.outstanding.load(Ordering::Relaxed)
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.with(Machine::state)
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.with(Machine::counts)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let (answer, changes) = {
            let machine = self.shared.machine.lock();
            let mut machine = machine.unwrap_or_else(PoisonError::into_inner);
            let answer = act(&mut machine, Instant::now());
            (answer, machine.take_changes())
        };
        for change in changes {
            self.shared.observer.changed(&self.shared.name, &change);
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

/// The right to one call. Dropped without a verdict (the caller went away) it counts as excluded and
/// gives its slot back.
#[derive(Debug)]
#[must_use = "a permit that is dropped reports no outcome"]
pub struct Permit {
    breaker: Breaker,
    ticket: Option<Ticket>,
}

impl Permit {
    /// The breaker that gave it.
    pub const fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Tells the outcome of the call.
    pub fn report(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    /// The mistake that `gateway::config::Planted` plants: no outcome is ever told.
    pub(crate) fn forget(mut self) {
        self.ticket = None;
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            let outstanding = &self.breaker.shared.outstanding;
            outstanding.fetch_sub(1, Ordering::Relaxed);
            self.breaker
                .with(|machine, now| machine.report(ticket, outcome, now));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.settle(Outcome::Excluded);
    }
}
