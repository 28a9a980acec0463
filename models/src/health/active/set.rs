//! The checks of a set of endpoints, shared by whoever asks and the future that probes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::InvalidPolicy;
use super::{Change, Check, Policy, Probe, Probed};

/// Sees what checks find; called outside of every lock. A panic in it ends [`Checks::run`].
pub trait Observer: Send + Sync + 'static {
    /// A probe ended.
    fn probed(&self, endpoint: &Arc<str>, probed: Probed) {
        let _ = (endpoint, probed);
    }

    /// An endpoint became healthy or unhealthy.
    fn changed(&self, endpoint: &Arc<str>, change: &Change) {
        let _ = (endpoint, change);
    }
}

/// Nobody looks.
impl Observer for () {}

/// Probes so far: `begun` = `passed` + `failed` + `condemned` + `cancelled` + those under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Probes begun.
    pub begun: u64,
    /// Those that passed.
    pub passed: u64,
    /// Those that failed, took too long or panicked.
    pub failed: u64,
    /// Those whose answer was enough to condemn.
    pub condemned: u64,
    /// Those that were dropped because the endpoint left or the checks were stopped.
    pub cancelled: u64,
}

/// The checks of one set of endpoints; clones share them.
#[derive(Clone)]
pub struct Checks {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) policy: Policy,
    pub(super) probe: Box<dyn Probe>,
    pub(super) observer: Arc<dyn Observer>,
    /// The set changed, or a probe comes earlier than was said.
    pub(super) changed: Notify,
    set: Mutex<Set>,
}

pub(super) struct Set {
    pub(super) members: BTreeMap<Arc<str>, Member>,
    pub(super) counters: Counters,
    rng: Box<dyn Rng + Send>,
    comings: u64,
    traffic: bool,
}

/// An endpoint; one that left and came back is another, told apart by `coming`.
pub(super) struct Member {
    pub(super) coming: u64,
    check: Check,
}

impl Checks {
    /// Checks of a set that is empty until [`update`](Self::update); nothing is probed until
    /// [`run`](Self::run) is polled. `rng` draws the jitter: two sets need two independent generators.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: Policy,
        probe: impl Probe,
        rng: impl Rng + Send + 'static,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let set = Set {
            members: BTreeMap::new(),
            counters: Counters::default(),
            rng: Box::new(rng),
            comings: 0,
            traffic: false,
        };
        let shared = Shared {
            policy,
            probe: Box::new(probe),
            observer,
            changed: Notify::new(),
            set: Mutex::new(set),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Replaces the set. What is known of those that stay is kept, and a probe under way goes on; one that
    /// comes is unhealthy until a probe passes; probes of one that left are dropped.
    pub fn update(&self, endpoints: &[Arc<str>]) {
        self.set()
            .update(self.shared.policy, endpoints, Instant::now());
        self.shared.changed.notify_waiters();
    }

    /// The set serves traffic from now on, so it is checked at the usual intervals.
    pub fn saw_traffic(&self) {
        let mut set = self.set();
        if std::mem::replace(&mut set.traffic, true) {
            return;
        }
        if self.shared.policy.no_traffic_interval.is_some() {
            let now = Instant::now();
            set.members.values_mut().for_each(|m| m.check.hurry(now));
            drop(set);
            self.shared.changed.notify_waiters();
        }
    }

    /// Whether the endpoint is in the set and its probes say that it is well.
    pub fn is_healthy(&self, endpoint: &str) -> bool {
        let set = self.set();
        let member = set.members.get(endpoint);
        member.is_some_and(|member| member.check.is_healthy())
    }

    /// What was probed so far.
    pub fn counters(&self) -> Counters {
        self.set().counters
    }

    pub(super) fn set(&self) -> MutexGuard<'_, Set> {
        self.shared
            .set
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Set {
    fn update(&mut self, policy: Policy, endpoints: &[Arc<str>], now: Instant) {
        let mut old = std::mem::take(&mut self.members);
        for endpoint in endpoints {
            if self.members.contains_key(endpoint) {
                continue;
            }
            let known = old.remove(endpoint);
            // The policy was looked at when the checks were built.
            let member = known.or_else(|| self.newcomer(policy, now));
            self.members
                .extend(member.map(|member| (endpoint.clone(), member)));
        }
    }

    fn newcomer(&mut self, policy: Policy, now: Instant) -> Option<Member> {
        self.comings = self.comings.wrapping_add(1);
        let check = Check::new(policy, &mut *self.rng, now).ok()?;
        Some(Member {
            coming: self.comings,
            check,
        })
    }

    /// When the next probe of an endpoint is due; none if it left.
    pub(super) fn due(&self, endpoint: &str) -> Option<Instant> {
        let member = self.members.get(endpoint)?;
        Some(member.check.due())
    }

    /// Takes the outcome of a probe; one of an earlier coming is counted, and changes nothing.
    pub(super) fn ended(
        &mut self,
        endpoint: &str,
        coming: u64,
        probed: Probed,
        began: Instant,
    ) -> Option<Change> {
        self.counters.ended(probed);
        let member = self.members.get_mut(endpoint)?;
        if member.coming != coming {
            return None;
        }
        let (now, traffic) = (Instant::now(), self.traffic);
        member
            .check
            .ended(probed, began, now, traffic, &mut *self.rng)
    }
}

impl Counters {
    const fn ended(&mut self, probed: Probed) {
        let count = match probed {
            Probed::Passed => &mut self.passed,
            Probed::Failed => &mut self.failed,
            Probed::Condemned => &mut self.condemned,
        };
        *count = count.saturating_add(1);
    }
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checks")
            .field("policy", &self.shared.policy)
            .finish_non_exhaustive()
    }
}
