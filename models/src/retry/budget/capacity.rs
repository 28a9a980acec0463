//! The retry quota of the AWS SDKs (standard mode): a capacity that failures use up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;

use super::{Budget, Grant};
use crate::retry::{InvalidPolicy, Kind};

/// What an attempt costs by the failure before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Most failures.
    pub transient: u32,
    /// No answer in time, and hedges.
    pub timeout: u32,
    /// The server asked for less.
    pub throttled: u32,
}

impl Costs {
    /// Specification 2.0.
    pub const V2_0: Self = Self {
        transient: 5,
        timeout: 10,
        throttled: 5,
    };

    /// Specification 2.1.
    pub const V2_1: Self = Self {
        transient: 14,
        timeout: 14,
        throttled: 5,
    };

    const fn of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Transient => self.transient,
            Kind::Timeout => self.timeout,
            Kind::Throttled => self.throttled,
        }
    }
}

/// Every further attempt takes its cost from the capacity and gives it back if it succeeds (or is
/// cancelled, which says nothing); a call that succeeds at once brings 1. Time alone brings nothing. Clones
/// share it.
#[derive(Clone, Debug)]
pub struct Capacity {
    store: Arc<Store>,
    costs: Costs,
}

#[derive(Debug)]
struct Store {
    left: AtomicU32,
    most: u32,
}

/// A cost that is held by an attempt.
#[derive(Debug)]
pub(super) struct Held {
    store: Arc<Store>,
    cost: u32,
}

impl Held {
    pub(super) const fn spend(&mut self) {
        self.cost = 0;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.store.give(self.cost);
    }
}

impl Store {
    fn give(&self, amount: u32) {
        let add = |left: u32| Some(left.saturating_add(amount).min(self.most));
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let _ = self.left.fetch_update(set, fetch, add);
    }

    fn take(&self, amount: u32) -> bool {
        let subtract = |left: u32| left.checked_sub(amount);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.left.fetch_update(set, fetch, subtract).is_ok()
    }
}

impl Capacity {
    /// The SDKs have 500.
    ///
    /// # Errors
    ///
    /// A capacity or a cost of zero.
    pub fn new(most: u32, costs: Costs) -> Result<Self, InvalidPolicy> {
        if most == 0 {
            return Err(InvalidPolicy::Zero("capacity"));
        }
        if [costs.transient, costs.timeout, costs.throttled].contains(&0) {
            return Err(InvalidPolicy::Zero("costs"));
        }
        let left = AtomicU32::new(most);
        Ok(Self {
            store: Arc::new(Store { left, most }),
            costs,
        })
    }

    /// What is left.
    pub fn left(&self) -> u32 {
        self.store.left.load(Ordering::Relaxed)
    }
}

impl Budget for Capacity {
    fn call(&self, _: Instant) -> Grant {
        Grant::free()
    }

    fn retry(&self, after: Kind, _: Instant) -> Option<Grant> {
        let cost = self.costs.of(after);
        let held = || Held {
            store: self.store.clone(),
            cost,
        };
        self.store.take(cost).then(|| Grant::held(held()))
    }

    fn succeeded(&self, first: bool, _: Instant) {
        if first {
            self.store.give(1);
        }
    }
}
