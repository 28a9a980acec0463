//! Envoy's budget: a share of what is in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::{Budget, Grant};
use crate::retry::Kind;

/// Envoy's budget: retries in flight are at most a percentage of calls in flight, and never fewer than a
/// minimum. Clones share it.
#[derive(Clone, Debug)]
pub struct ConcurrencyBudget {
    percent: u32,
    minimum: usize,
    active: Arc<AtomicUsize>,
    retries: Arc<AtomicUsize>,
}

/// One call or retry that is counted as long as this lives.
#[derive(Debug)]
#[must_use = "it is counted only as long as this lives"]
pub struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for ConcurrencyBudget {
    fn default() -> Self {
        Self::new(20, 3)
    }
}

impl ConcurrencyBudget {
    /// At most `percent` of the calls in flight, and `minimum` in any case.
    pub fn new(percent: u32, minimum: usize) -> Self {
        Self {
            percent,
            minimum,
            active: Arc::default(),
            retries: Arc::default(),
        }
    }

    /// Counts a call in flight.
    pub fn call(&self) -> Counted {
        self.active.fetch_add(1, Ordering::Relaxed);
        Counted(self.active.clone())
    }

    /// Counts a retry in flight, if the budget has room for one.
    pub fn retry(&self) -> Option<Counted> {
        let allowed = self.allowed();
        let room = |retries: usize| (retries < allowed).then_some(retries + 1);
        let counted = self
            .retries
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        counted.ok().map(|_| Counted(self.retries.clone()))
    }

    /// How many retries may be in flight now.
    pub fn allowed(&self) -> usize {
        let active = self.active.load(Ordering::Relaxed) as u128;
        let share = active * u128::from(self.percent) / 100;
        usize::try_from(share)
            .unwrap_or(usize::MAX)
            .max(self.minimum)
    }
}

impl Budget for ConcurrencyBudget {
    fn call(&self, _: Instant) -> Grant {
        Grant::counted(self.call())
    }

    fn retry(&self, _: Kind, _: Instant) -> Option<Grant> {
        self.retry().map(Grant::counted)
    }
}
