//! What retries and hedges may cost all calls to one destination together.
//!
//! Share one budget per client and destination: one per connection or task never binds. All of them are
//! behind one trait, so that retries and hedges of the same calls can share it, too.

mod capacity;
mod concurrency;
mod grpc;
mod token;

use tokio::time::Instant;

pub use capacity::{Capacity, Costs};
pub use concurrency::{ConcurrencyBudget, Counted};
pub use grpc::GrpcTokens;
pub use token::TokenBudget;

use super::Kind;
use capacity::Held;

/// Pays for further attempts.
pub trait Budget: std::fmt::Debug + Send + Sync {
    /// Counts a call that begins. What it holds it holds as long as the call goes on.
    fn call(&self, now: Instant) -> Grant;

    /// Pays for one further attempt of a call whose last one failed like this, or is slow. If there is
    /// nothing left, nothing is spent.
    fn retry(&self, after: Kind, now: Instant) -> Option<Grant>;

    /// An attempt failed in a way that another could cure.
    fn failed(&self, now: Instant) {
        let _ = now;
    }

    /// A call succeeded; `first` says whether its first attempt did.
    fn succeeded(&self, first: bool, now: Instant) {
        let _ = (first, now);
    }
}

/// What one attempt holds of a budget; dropping it gives it back, as after a success or a cancellation.
#[derive(Debug, Default)]
#[must_use = "dropping it gives back what the attempt holds"]
pub struct Grant {
    _counted: Option<Counted>,
    held: Option<Held>,
}

impl Grant {
    /// Of a budget that nothing is given back to.
    pub const fn free() -> Self {
        Self {
            _counted: None,
            held: None,
        }
    }

    const fn counted(counted: Counted) -> Self {
        Self {
            _counted: Some(counted),
            held: None,
        }
    }

    const fn held(held: Held) -> Self {
        Self {
            _counted: None,
            held: Some(held),
        }
    }

    /// The attempt failed: what it cost is not given back. Counts of what is in flight are.
    pub fn spend(mut self) {
        if let Some(held) = &mut self.held {
            held.spend();
        }
    }
}

/// No budget: only the number of attempts bounds the retries. A preset of peers that have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn call(&self, _: Instant) -> Grant {
        Grant::free()
    }

    fn retry(&self, _: Kind, _: Instant) -> Option<Grant> {
        Some(Grant::free())
    }
}

#[cfg(test)]
mod tests;
