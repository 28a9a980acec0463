//! The permit that reports exactly once.

use super::metrics::Ending;
use super::{Breaker, Outcome, Ticket};

/// The right to one call. Dropped without a verdict (the caller went away) it counts as excluded and
/// gives its slot back.
#[derive(Debug)]
#[must_use = "a permit that is dropped reports no outcome"]
pub struct Permit {
    breaker: Breaker,
    ticket: Option<Ticket>,
}

impl Permit {
    pub(super) const fn new(breaker: Breaker, ticket: Ticket) -> Self {
        let ticket = Some(ticket);
        Self { breaker, ticket }
    }

    /// The breaker that gave it.
    pub const fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Tells the outcome of the call.
    pub fn report(mut self, outcome: Outcome) {
        self.settle(Ending::Told(outcome));
    }

    /// The mistake that `gateway::config::Planted` plants: no outcome is ever told.
    pub(crate) fn forget(mut self) {
        self.ticket = None;
    }

    fn settle(&mut self, ending: Ending) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.settle(ticket, ending);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.settle(Ending::Cancelled);
    }
}
