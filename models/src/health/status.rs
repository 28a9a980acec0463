//! The three signals of every endpoint of a set, side by side.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::active::Checks;
use super::outlier::{OutlierDetector, Suspicion};

/// Whether an endpoint wants traffic, as somebody said who knows (a registry, an orchestrator, itself).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    #[default]
    Ready,
    /// Not now: it still warms up, or lacks something it needs.
    NotReady,
    /// Not any more: what it has in flight goes on, nothing new comes.
    Draining,
}

/// What is known of one endpoint. No part of it follows from another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status {
    /// What active checks say; none if there are none.
    pub healthy: Option<bool>,
    /// What real calls say; none if nobody looks at them.
    pub suspicion: Option<Suspicion>,
    /// What it was said to want.
    pub readiness: Readiness,
}

impl Status {
    /// Whether all signals are good. A signal that nobody gives is not bad.
    pub fn is_available(&self) -> bool {
        let is_out = |suspicion: &Suspicion| suspicion.ejected_until.is_some();
        self.healthy.unwrap_or(true)
            && !self.suspicion.as_ref().is_some_and(is_out)
            && self.readiness == Readiness::Ready
    }
}

/// The health of one set of endpoints; clones share it. Each signal has one owner (the checks, the
/// detector, whoever sets the readiness) and is asked, not copied: none can clear, or lag behind, another.
///
/// A set in which nobody is available is the balancer's to decide on (panic routing): this only says so.
#[derive(Clone, Debug, Default)]
pub struct Health {
    checks: Option<Checks>,
    detector: Option<OutlierDetector>,
    members: Arc<Mutex<BTreeMap<Arc<str>, Readiness>>>,
}

impl Health {
    /// The health of an empty set, by readiness alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, and active checks have to pass.
    #[must_use]
    pub fn checked_by(mut self, checks: Checks) -> Self {
        self.checks = Some(checks);
        self
    }

    /// The same, and the detector must not have ejected it.
    #[must_use]
    pub fn suspected_by(mut self, detector: OutlierDetector) -> Self {
        self.detector = Some(detector);
        self
    }

    /// Replaces the set, here and for checks and detector. Those that stay keep all signals; one that comes
    /// is ready, and unhealthy until its first check passes. To be told before a balancer is: an endpoint
    /// that is not in the set is not available.
    pub fn update(&self, endpoints: &[Arc<str>]) {
        if let Some(checks) = &self.checks {
            checks.update(endpoints);
        }
        if let Some(detector) = &self.detector {
            detector.update(endpoints);
        }
        let mut members = self.members();
        let old = std::mem::take(&mut *members);
        let readiness = |endpoint: &Arc<str>| old.get(endpoint).copied().unwrap_or_default();
        *members = endpoints
            .iter()
            .map(|endpoint| (endpoint.clone(), readiness(endpoint)))
            .collect();
    }

    /// Says whether an endpoint wants traffic; `false` if it is not in the set.
    pub fn set_readiness(&self, endpoint: &str, readiness: Readiness) -> bool {
        let mut members = self.members();
        let member = members.get_mut(endpoint);
        member.map(|member| *member = readiness).is_some()
    }

    /// Whether an endpoint may get new calls: it is in the set, and all its signals are good.
    pub fn is_available(&self, endpoint: &str) -> bool {
        self.status(endpoint)
            .is_some_and(|status| status.is_available())
    }

    /// What is known of an endpoint; none if it is not in the set.
    pub fn status(&self, endpoint: &str) -> Option<Status> {
        let readiness = self.members().get(endpoint).copied()?;
        Some(self.with_readiness(endpoint, readiness))
    }

    /// What is known of everybody, by name.
    pub fn statuses(&self) -> Vec<(Arc<str>, Status)> {
        let members = self.members().clone();
        let each = members.into_iter();
        each.map(|(endpoint, readiness)| {
            let status = self.with_readiness(&endpoint, readiness);
            (endpoint, status)
        })
        .collect()
    }

    fn with_readiness(&self, endpoint: &str, readiness: Readiness) -> Status {
        Status {
            healthy: self.checks.as_ref().map(|c| c.is_healthy(endpoint)),
            suspicion: self.detector.as_ref().and_then(|d| d.suspicion(endpoint)),
            readiness,
        }
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Readiness>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
