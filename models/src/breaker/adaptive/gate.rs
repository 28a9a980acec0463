//! The throttle that many callers share, and the pass that reports exactly once.

use std::sync::{Arc, Mutex, PoisonError};

use rand_core::Rng;
use tokio::time::Instant;

use super::{Dropped, Law, Policy};
use crate::breaker::metrics::{Ending, Meters};
use crate::breaker::{InvalidPolicy, Outcome, Totals};

/// The throttle of one endpoint; clones share it.
#[derive(Clone, Debug)]
pub struct Throttle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    law: Mutex<Law>,
    meters: Meters,
}

impl Throttle {
    /// A throttle that drops nothing yet. Two throttles need two independent generators, or they drop in
    /// step.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: Policy, rng: impl Rng + Send + 'static) -> Result<Self, InvalidPolicy> {
        let law = Mutex::new(Law::new(policy, rng, Instant::now())?);
        let meters = Meters::default();
        Ok(Self {
            shared: Arc::new(Shared { law, meters }),
        })
    }

    /// Asks for one call, now.
    ///
    /// # Errors
    ///
    /// It is dropped, by chance.
    pub fn admit(&self) -> Result<Pass, Dropped> {
        let meters = &self.shared.meters;
        meters.offer();
        match self.with(Law::admit) {
            Ok(()) => {
                meters.admit(false);
                Ok(Pass {
                    throttle: self.clone(),
                    told: false,
                })
            }
            Err(dropped) => {
                meters.refuse();
                Err(dropped)
            }
        }
    }

    /// How likely the next call is dropped.
    pub fn probability(&self) -> f64 {
        self.with(Law::probability)
    }

    /// What became of all calls since it was built. Reading it stops nobody.
    pub fn totals(&self) -> Totals {
        self.shared.meters.totals()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Law, Instant) -> T) -> T {
        let law = self.shared.law.lock();
        let mut law = law.unwrap_or_else(PoisonError::into_inner);
        act(&mut law, Instant::now())
    }
}

/// The right to one call. Dropped without a verdict (the caller went away, or panicked) it is not counted.
#[derive(Debug)]
#[must_use = "a pass that is dropped reports no outcome"]
pub struct Pass {
    throttle: Throttle,
    told: bool,
}

impl Pass {
    /// Tells the outcome of the call.
    pub fn report(mut self, outcome: Outcome) {
        self.settle(Ending::Told(outcome));
    }

    fn settle(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        self.throttle.shared.meters.end(ending);
        if let Ending::Told(outcome) = ending {
            self.throttle.with(|law, now| law.report(outcome, now));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.settle(Ending::Cancelled);
    }
}
