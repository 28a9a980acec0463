//! One attempt in the air: an endpoint's slot and its breaker's permit, given back exactly once.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::Instant;

use super::Observer;
use super::observer::{Attempt, Outcome};
use crate::balance::InFlight;
use crate::breaker::Permit;

/// Holds what an attempt holds; dropping it gives everything back and tells the breaker that there was no
/// result.
pub(super) struct Flight {
    observer: Arc<dyn Observer>,
    upstream: Arc<str>,
    number: u32,
    trace: u128,
    started: Instant,
    answer: Option<StatusCode>,
    outcome: Option<Outcome>,
    permit: Option<Permit>,
    /// Names the endpoint, and is its slot.
    slot: InFlight,
}

impl Flight {
    pub(super) fn new(
        observer: Arc<dyn Observer>,
        upstream: Arc<str>,
        (number, trace): (u32, u128),
        permit: Option<Permit>,
        slot: InFlight,
    ) -> Self {
        Self {
            observer,
            upstream,
            number,
            trace,
            started: Instant::now(),
            answer: None,
            outcome: None,
            permit,
            slot,
        }
    }

    pub(super) fn endpoint(&self) -> &Arc<str> {
        self.slot.endpoint()
    }

    /// The head of an answer is there. What speaks against the endpoint is reported at once; whether
    /// the answer is good is known at its last byte only.
    pub(super) fn answered(&mut self, status: StatusCode, speaks_for_endpoint: bool) {
        self.answer = Some(status);
        if !speaks_for_endpoint || status.is_client_error() {
            self.outcome = Some(Outcome::Neutral(status));
        } else if status.is_server_error() {
            self.outcome = Some(Outcome::Failed(status));
        }
        if let Some(outcome) = self.outcome {
            self.report(outcome);
        }
    }

    /// The answer is complete.
    pub(super) fn complete(mut self) {
        let status = self.answer;
        let outcome = status.map_or(Outcome::Cancelled, Outcome::Succeeded);
        self.outcome.get_or_insert(outcome);
    }

    /// The attempt ended otherwise.
    pub(super) fn settle(mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    fn report(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            permit.report(outcome.verdict());
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or(Outcome::Cancelled);
        self.report(outcome);
        self.observer.attempt(&Attempt {
            upstream: &self.upstream,
            endpoint: self.slot.endpoint(),
            number: self.number,
            outcome,
            latency: self.started.elapsed(),
            trace: self.trace,
        });
    }
}
