//! One attempt in the air: an endpoint's slot and its breaker's permit, given back exactly once.

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use tokio::time::Instant;

use super::Observer;
use super::config::Planted;
use super::judgement::speaks_for_endpoint;
use super::observer::{Attempt, Load, Outcome};
use super::suspects::Suspects;
use crate::balance::InFlight;
use crate::breaker::{Breaker, Permit};
use crate::retry::retry_after;

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
    /// The breaker of the endpoint, to be asked what is left when all is given back.
    breaker: Option<Breaker>,
    /// Names the endpoint, and is its slot.
    slot: InFlight,
    suspects: Option<Arc<Suspects>>,
    /// How long the endpoint asked to be left alone.
    patience: Option<Duration>,
    planted: Planted,
}

impl Flight {
    pub(super) fn new(
        (observer, suspects): (Arc<dyn Observer>, Option<Arc<Suspects>>),
        upstream: Arc<str>,
        (number, trace): (u32, u128),
        permit: Option<Permit>,
        slot: InFlight,
        planted: Planted,
    ) -> Self {
        let flight = Self {
            observer,
            upstream,
            number,
            trace,
            started: Instant::now(),
            answer: None,
            outcome: None,
            breaker: permit.as_ref().map(|permit| permit.breaker().clone()),
            permit,
            slot,
            suspects,
            patience: None,
            planted,
        };
        flight.tell_load(flight.slot.load());
        flight
    }

    fn tell_load(&self, in_flight: usize) {
        self.observer.load(&Load {
            upstream: &self.upstream,
            endpoint: self.slot.endpoint(),
            in_flight,
            permits: self.breaker.as_ref().map_or(0, Breaker::outstanding),
        });
    }

    pub(super) fn endpoint(&self) -> &Arc<str> {
        self.slot.endpoint()
    }

    /// The head of an answer is there. What speaks against the endpoint is reported at once; whether
    /// the answer is good is known at its last byte only.
    pub(super) fn answered<B>(&mut self, response: &Response<B>) {
        let status = response.status();
        let speaks_for_endpoint = speaks_for_endpoint(response);
        self.answer = Some(status);
        self.patience = retry_after(response.headers());
        if !speaks_for_endpoint || status.is_client_error() {
            self.outcome = Some(Outcome::Neutral(status));
        } else if status.is_server_error() {
            self.outcome = Some(Outcome::Failed(status));
        }
        if let Some(outcome) = self.outcome {
            self.report(outcome);
        }
    }

    /// The connection changed its protocol: that the endpoint works is known, and whatever comes over it
    /// says nothing of requests. The slot stays taken.
    pub(super) fn upgraded(&mut self, status: StatusCode) {
        self.answer = Some(status);
        let outcome = Outcome::Succeeded(status);
        self.outcome = Some(outcome);
        self.report(outcome);
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

impl Flight {
    /// The mistakes that somebody wants to see found.
    fn plant(&mut self) {
        if self.planted.permit_lost_on_cancel
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
        }
        if self.planted.load_lost_on_cancel {
            self.slot.forget();
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.outcome.is_none() {
            self.plant();
        }
        let outcome = self.outcome.unwrap_or(Outcome::Cancelled);
        self.report(outcome);
        if let Some(suspects) = &self.suspects {
            suspects.report(self.slot.endpoint(), outcome);
        }
        self.slot.report(outcome.of_balance(self.patience));
        let in_flight = self.slot.end();
        self.tell_load(in_flight);
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
