//! What became of the calls of a balancer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::members::{End, Memory, Outcome};

/// Counts since the balancer was made; they stop at their largest value. `offered` is `refused` and
/// `admitted`, and `admitted` is what ended and what is in flight. A call counts as admitted while its
/// endpoint is being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls for which an endpoint was wanted.
    pub offered: u64,
    /// Those that got none.
    pub refused: u64,
    /// Those that got one.
    pub admitted: u64,
    /// Of those, the ones that ended well.
    pub succeeded: u64,
    /// The ones that failed.
    pub failed: u64,
    /// The ones of which nothing is known.
    pub cancelled: u64,
    /// Admitted calls that went elsewhere because their endpoint had no room.
    pub overflowed: u64,
    /// How often the table was built.
    pub builds: u64,
}

/// The counters, shared by a balancer and the calls it has in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Mutex<Counters>>);

impl Tally {
    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self) -> Counters {
        *self.counters()
    }

    pub(super) fn built(&self) {
        add(&mut self.counters().builds);
    }

    pub(super) fn refused(&self) {
        let mut counters = self.counters();
        add(&mut counters.offered);
        add(&mut counters.refused);
    }

    pub(super) fn admitted(&self, is_overflow: bool) {
        let mut counters = self.counters();
        add(&mut counters.offered);
        add(&mut counters.admitted);
        if is_overflow {
            add(&mut counters.overflowed);
        }
    }

    /// Takes [`admitted`](Self::admitted) back: the endpoint refused.
    pub(super) fn undo(&self, is_overflow: bool) {
        let mut counters = self.counters();
        counters.offered = counters.offered.saturating_sub(1);
        counters.admitted = counters.admitted.saturating_sub(1);
        if is_overflow {
            counters.overflowed = counters.overflowed.saturating_sub(1);
        }
    }
}

const fn add(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Memory for Tally {
    fn ended(&mut self, end: &End) {
        let mut counters = self.counters();
        add(match end.outcome {
            Outcome::Success => &mut counters.succeeded,
            Outcome::Failure { .. } => &mut counters.failed,
            Outcome::Cancelled => &mut counters.cancelled,
        });
    }
}
