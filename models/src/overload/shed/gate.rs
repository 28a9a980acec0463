//! The shared shedder and the permit that reports exactly once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Admission, End, Level, Shed};
use crate::overload::call::Report;
use crate::overload::{Call, Outcome, Priority, Tally};

/// Sees what a shedder does; called after its lock was given back, so it may ask the shedder.
pub trait Observer: Send + Sync + 'static {
    /// A call was turned away.
    fn shed(&self, name: &str, call: &Call, shed: &Shed) {
        let _ = (name, call, shed);
    }
}

/// Nobody looks.
impl Observer for () {}

/// Admits what its law admits, and every health check; clones share it.
#[derive(Clone)]
pub struct Shedder {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    state: Mutex<State>,
    observer: Arc<dyn Observer>,
}

struct State {
    law: Box<dyn Admission>,
    tallies: [Tally; Priority::ALL.len()],
    /// Calls under way that the law knows of.
    in_flight: usize,
    latest: Instant,
}

impl Shedder {
    /// A shedder that decides by `law`.
    pub fn new(
        name: impl Into<Arc<str>>,
        law: impl Admission + 'static,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let state = State {
            law: Box::new(law),
            tallies: [Tally::default(); Priority::ALL.len()],
            in_flight: 0,
            latest: Instant::now(),
        };
        Self {
            shared: Arc::new(Shared {
                name: name.into(),
                state: Mutex::new(state),
                observer,
            }),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Asks for one call, now. A health check is always admitted, and nothing is learnt from it.
    ///
    /// # Errors
    ///
    /// The law sheds it.
    pub fn admit(&self, call: &Call) -> Result<Permit, Shed> {
        match self.change(|state, now| state.admit(call, now)) {
            Ok(began) => Ok(Permit {
                shedder: self.clone(),
                priority: call.priority,
                began,
                open: true,
            }),
            Err(shed) => {
                self.shared.observer.shed(self.name(), call, &shed);
                Err(shed)
            }
        }
    }

    /// Tells that work on an admitted call began after it had queued so long.
    pub fn queued(&self, waited: Duration) {
        self.change(|state, now| state.law.queued(waited, now));
    }

    /// Up to which level calls are admitted, if the law has levels: to be told to callers.
    pub fn threshold(&self) -> Option<Level> {
        self.change(|state, _| state.law.threshold())
    }

    /// What became of the calls of a class so far.
    pub fn tally(&self, priority: Priority) -> Tally {
        self.change(|state, _| state.tallies[priority.index()])
    }

    fn change<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let state = self.shared.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let now = state.latest.max(Instant::now());
        state.latest = now;
        act(&mut state, now)
    }
}

impl State {
    fn admit(&mut self, call: &Call, now: Instant) -> Result<Instant, Shed> {
        let tally = &mut self.tallies[call.priority.index()];
        tally.offer();
        if call.priority != Priority::Health {
            if let Err(reason) = self.law.admit(call, self.in_flight, now) {
                tally.refuse();
                return Err(Shed { reason });
            }
            self.in_flight += 1;
        }
        tally.admit();
        Ok(now)
    }

    fn end(&mut self, priority: Priority, began: Instant, outcome: Option<Outcome>, now: Instant) {
        self.tallies[priority.index()].end(outcome);
        if priority != Priority::Health {
            self.in_flight = self.in_flight.saturating_sub(1);
            let end = End {
                outcome,
                took: now.saturating_duration_since(began),
                in_flight: self.in_flight,
            };
            self.law.ended(&end, now);
        }
    }
}

impl std::fmt::Debug for Shedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shedder")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}

/// The right to one call. Dropped without a report (the caller went away) it counts as cancelled.
#[derive(Debug)]
#[must_use = "a permit that is dropped reports no outcome"]
pub struct Permit {
    shedder: Shedder,
    priority: Priority,
    began: Instant,
    open: bool,
}

impl Permit {
    /// Tells how the call ended.
    pub fn report(mut self, outcome: Outcome) {
        self.settle(Some(outcome));
    }

    fn settle(&mut self, outcome: Option<Outcome>) {
        if std::mem::take(&mut self.open) {
            let (priority, began) = (self.priority, self.began);
            self.shedder
                .change(|state, now| state.end(priority, began, outcome, now));
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
