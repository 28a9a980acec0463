//! The shared detector and the future that sweeps.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use rand_core::Rng;
use tokio::time::{Instant, sleep_until};

use super::super::InvalidPolicy;
use super::{Counters, Event, Outcome, Outliers, Policy, Suspicion};

/// Sees what a detector does; called after its lock was given back, so it may ask the detector. Events of
/// calls that end at the same time may be told in either order.
pub trait Observer: Send + Sync + 'static {
    /// Something happened to an endpoint of the set `name`.
    fn happened(&self, name: &str, event: &Event) {
        let _ = (name, event);
    }
}

/// Nobody looks.
impl Observer for () {}

/// The detector of one set of endpoints; clones share it.
#[derive(Clone)]
pub struct OutlierDetector {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    machine: Mutex<Outliers>,
    observer: Arc<dyn Observer>,
}

impl OutlierDetector {
    /// A detector of the set `name`, which is empty until [`update`](Self::update). It ejects by streaks at
    /// once; rates are judged and endpoints return only while [`run`](Self::run) is polled. Two detectors
    /// need two independent generators, or what they eject returns in step.
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
        let machine = Outliers::new(policy, rng, Instant::now())?;
        let shared = Shared {
            name: name.into(),
            machine: Mutex::new(machine),
            observer,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The name of the set.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Takes what a call came to; to be told exactly once per call.
    pub fn report(&self, endpoint: &str, outcome: Outcome) {
        self.telling(|machine, now| machine.report(endpoint, outcome, now));
    }

    /// Replaces the set; what is known of those that stay is kept.
    pub fn update(&self, endpoints: &[Arc<str>]) {
        self.with(|machine, now| machine.update(endpoints, now));
    }

    /// An active check of the endpoint passed; see [`Outliers::passed_active_check`].
    pub fn passed_active_check(&self, endpoint: &str) {
        self.telling(|machine, now| {
            let returned = machine.passed_active_check(endpoint, now);
            returned.into_iter().collect()
        });
    }

    /// Whether the endpoint is out.
    pub fn is_ejected(&self, endpoint: &str) -> bool {
        self.with(|machine, _| machine.is_ejected(endpoint))
    }

    /// How many are out.
    pub fn ejected(&self) -> usize {
        self.with(|machine, _| machine.ejected())
    }

    /// What is known of an endpoint; none if it is not in the set.
    pub fn suspicion(&self, endpoint: &str) -> Option<Suspicion> {
        self.with(|machine, _| machine.suspicion(endpoint))
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.with(|machine, _| *machine.counters())
    }

    /// Sweeps whenever it is time; to be spawned by the owner of the set. Running it twice sweeps no more
    /// often. A panic of the observer ends it.
    ///
    /// # Cancellation
    ///
    /// Dropping it ends the sweeps and loses nothing; it may be run again.
    pub async fn run(self) -> Infallible {
        loop {
            let next = self.with(|machine, _| machine.next_sweep());
            sleep_until(next).await;
            self.telling(|machine, now| {
                if now >= machine.next_sweep() {
                    machine.sweep(now)
                } else {
                    Vec::new()
                }
            });
        }
    }

    fn telling(&self, act: impl FnOnce(&mut Outliers, Instant) -> Vec<Event>) {
        for event in self.with(act) {
            self.shared.observer.happened(&self.shared.name, &event);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Outliers, Instant) -> T) -> T {
        let machine = self.shared.machine.lock();
        let mut machine = machine.unwrap_or_else(PoisonError::into_inner);
        act(&mut machine, Instant::now())
    }
}

impl std::fmt::Debug for OutlierDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutlierDetector")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}
