//! How many calls at once, how many wait, how long and in which order.

use std::time::Duration;

use crate::overload::error::{count, time};
use crate::overload::shed::CodelPolicy;
use crate::overload::{InvalidPolicy, Priority};

const MOST: usize = 1 << 20;

/// In which order those who wait get a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The oldest first, always.
    Fifo,
    /// The oldest first while the queue drains; else the newest first, and those that waited too long
    /// are dropped (CoDel for RPC with adaptive LIFO, as in Facebook's services).
    Adaptive(CodelPolicy),
}

/// What one class of calls to one dependency gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compartment {
    /// Calls at once.
    pub concurrency: usize,
    /// Calls that wait for a slot.
    pub pending: usize,
    /// How long a call may wait: at exactly that age it is turned away. `None` leaves that to the call's
    /// own deadline.
    pub max_wait: Option<Duration>,
    /// Who of those who wait comes next.
    pub order: Order,
}

impl Compartment {
    /// Envoy's thresholds: 1024 requests at once, 1024 pending. (Its 1024 connections belong to the pool,
    /// its 3 retries at once to the retry budget.)
    pub const fn envoy() -> Self {
        Self::of(1024, 1024, None)
    }

    /// Hystrix with a semaphore: 10 at once, nobody waits.
    pub const fn hystrix_semaphore() -> Self {
        Self::of(10, 0, None)
    }

    /// Hystrix with a pool of threads: 10 at once, a sixth waiting call is rejected.
    pub const fn hystrix_pool() -> Self {
        Self::of(10, 5, None)
    }

    /// resilience4j: 25 at once, and a longest wait. Its number of waiting callers has no bound; here it
    /// is 1024. Without a wait (its default) nobody waits.
    pub const fn resilience4j(max_wait: Duration) -> Self {
        if max_wait.is_zero() {
            Self::of(25, 0, None)
        } else {
            Self::of(25, 1024, Some(max_wait))
        }
    }

    const fn of(concurrency: usize, pending: usize, max_wait: Option<Duration>) -> Self {
        Self {
            concurrency,
            pending,
            max_wait,
            order: Order::Fifo,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        count("concurrency", self.concurrency, MOST)?;
        if self.pending > MOST {
            return Err(InvalidPolicy::OutOfRange("pending"));
        }
        if let Some(max_wait) = self.max_wait {
            time("max_wait", max_wait)?;
            if self.pending == 0 {
                return Err(InvalidPolicy::Contradiction("max_wait"));
            }
        }
        match self.order {
            Order::Fifo => Ok(()),
            Order::Adaptive(_) if self.pending == 0 => Err(InvalidPolicy::Contradiction("order")),
            Order::Adaptive(codel) => codel.validate(),
        }
    }
}

/// What each class of calls to one dependency gets. No class takes anything from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    compartments: [Compartment; Priority::ALL.len()],
}

impl Policy {
    /// The same for each class.
    pub const fn each(compartment: Compartment) -> Self {
        Self {
            compartments: [compartment; Priority::ALL.len()],
        }
    }

    /// Another one for a class.
    #[must_use]
    pub const fn with(mut self, priority: Priority, compartment: Compartment) -> Self {
        self.compartments[priority.index()] = compartment;
        self
    }

    /// What a class gets.
    pub const fn of(&self, priority: Priority) -> &Compartment {
        &self.compartments[priority.index()]
    }
}
