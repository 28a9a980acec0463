//! Endpoints under suspicion: what attempts came to, and who is left out because of it.
//!
//! The detector is a machine without a driver of its own here: it is swept when somebody picks. A gateway
//! that nobody asks has nobody to bring an endpoint back for.

use std::sync::{Arc, Mutex, PoisonError};

use rand_core::Rng;
use tokio::time::Instant;

use super::Observer;
use super::observer::{Outcome, OutlierChange};
use crate::health::InvalidPolicy;
use crate::health::outlier::{Event, Local, Outcome as Reported, Outliers, Policy};

/// The outlier detector of one upstream.
pub(super) struct Suspects {
    upstream: Arc<str>,
    outliers: Mutex<Outliers>,
    observer: Arc<dyn Observer>,
}

impl Suspects {
    pub(super) fn new(
        upstream: Arc<str>,
        policy: Policy,
        rng: impl Rng + Send + 'static,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidPolicy> {
        let outliers = Outliers::new(policy, rng, Instant::now())?;
        Ok(Self {
            upstream,
            outliers: Mutex::new(outliers),
            observer,
        })
    }

    /// Brings back those whose time is over, and judges the rates of the last interval, if it is time.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.with(|outliers| match outliers.next_sweep() <= now {
            true => outliers.sweep(now),
            false => Vec::new(),
        });
    }

    pub(super) fn update(&self, endpoints: &[Arc<str>]) {
        self.with(|outliers| {
            outliers.update(endpoints, Instant::now());
            Vec::new()
        });
    }

    pub(super) fn is_ejected(&self, endpoint: &str) -> bool {
        let outliers = self.outliers.lock();
        outliers
            .unwrap_or_else(PoisonError::into_inner)
            .is_ejected(endpoint)
    }

    /// Takes what an attempt came to.
    pub(super) fn report(&self, endpoint: &str, outcome: Outcome) {
        let reported = match outcome {
            Outcome::Succeeded(status) | Outcome::Failed(status) | Outcome::Neutral(status) => {
                Reported::Answered(status)
            }
            Outcome::Broken(kind) if kind.starts_with("connect") => {
                Reported::Failed(Local::Connect)
            }
            Outcome::Broken("deadline") => Reported::Failed(Local::Timeout),
            Outcome::Broken(_) => Reported::Failed(Local::Reset),
            Outcome::Cancelled => Reported::Cancelled,
        };
        self.with(|outliers| outliers.report(endpoint, reported, Instant::now()));
    }

    /// Acts, and tells what happened once nothing is locked.
    fn with(&self, act: impl FnOnce(&mut Outliers) -> Vec<Event>) {
        let events = {
            let outliers = self.outliers.lock();
            act(&mut outliers.unwrap_or_else(PoisonError::into_inner))
        };
        for event in &events {
            self.observer.outlier(&OutlierChange {
                upstream: &self.upstream,
                event,
            });
        }
    }
}
