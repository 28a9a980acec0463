//! The shared limiter and the permit that reports exactly once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::{Controller, Refused};
use crate::overload::call::Report;
use crate::overload::{Outcome, Tally};

/// Sees what a limiter does; called after its lock was given back, so it may ask the limiter.
pub trait Observer: Send + Sync + 'static {
    /// The limit moved.
    fn moved(&self, name: &str, from: usize, to: usize) {
        let _ = (name, from, to);
    }

    /// A call was turned away.
    fn refused(&self, name: &str, refused: &Refused) {
        let _ = (name, refused);
    }
}

/// Nobody looks.
impl Observer for () {}

/// Admits as many calls at once as its controller allows; clones share it.
#[derive(Clone)]
pub struct Limiter {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    state: Mutex<State>,
    observer: Arc<dyn Observer>,
}

struct State {
    controller: Box<dyn Controller>,
    tally: Tally,
    latest: Instant,
}

impl Limiter {
    /// A limiter that lets `controller` move its limit.
    pub fn new(
        name: impl Into<Arc<str>>,
        controller: impl Controller + 'static,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let state = State {
            controller: Box::new(controller),
            tally: Tally::default(),
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

    /// Asks for one call, now. Nobody waits here; put a [`bulkhead`](crate::overload::bulkhead) in front if
    /// they should.
    ///
    /// # Errors
    ///
    /// As many calls as the limit allows are under way.
    pub fn admit(&self) -> Result<Permit, Refused> {
        match self.change(State::admit) {
            Ok((began, in_flight)) => Ok(Permit {
                limiter: self.clone(),
                began,
                in_flight,
                open: true,
            }),
            Err(refused) => {
                self.shared.observer.refused(self.name(), &refused);
                Err(refused)
            }
        }
    }

    /// The limit now.
    pub fn limit(&self) -> usize {
        self.change(|state, _| state.controller.limit())
    }

    /// What became of all calls so far.
    pub fn tally(&self) -> Tally {
        self.change(|state, _| state.tally)
    }

    fn change<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let (answer, from, to) = {
            let state = self.shared.state.lock();
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            let now = state.latest.max(Instant::now());
            state.latest = now;
            let from = state.controller.limit();
            let answer = act(&mut state, now);
            (answer, from, state.controller.limit())
        };
        if from != to {
            self.shared.observer.moved(self.name(), from, to);
        }
        answer
    }
}

impl State {
    /// When the call began, and how many are under way with it.
    fn admit(&mut self, now: Instant) -> Result<(Instant, usize), Refused> {
        self.tally.offer();
        let limit = self.controller.limit();
        if self.tally.in_flight >= limit as u64 {
            self.tally.refuse();
            return Err(Refused { limit });
        }
        self.tally.admit();
        Ok((now, self.tally.in_flight as usize))
    }

    fn end(&mut self, began: Instant, in_flight: usize, outcome: Option<Outcome>, now: Instant) {
        self.tally.end(outcome);
        if let Some(outcome) = outcome {
            let rtt = now.saturating_duration_since(began);
            self.controller.on_sample(rtt, in_flight, outcome, now);
        }
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}

/// The right to one call. Dropped without a report (the caller went away) it counts as cancelled, gives
/// its place back and is no sample.
#[derive(Debug)]
#[must_use = "a permit that is dropped reports no outcome"]
pub struct Permit {
    limiter: Limiter,
    began: Instant,
    in_flight: usize,
    open: bool,
}

impl Permit {
    /// Tells how the call ended; its latency is counted from its admission.
    pub fn report(mut self, outcome: Outcome) {
        self.settle(Some(outcome));
    }

    fn settle(&mut self, outcome: Option<Outcome>) {
        if std::mem::take(&mut self.open) {
            let (began, in_flight) = (self.began, self.in_flight);
            self.limiter
                .change(|state, now| state.end(began, in_flight, outcome, now));
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
