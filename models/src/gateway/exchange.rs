//! The second half of a request's way: attempts until one answers, within deadline and budget.

use std::sync::Arc;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep};

use super::answer::Answer;
use super::error::REFUSED_BY;
use super::flight::Flight;
use super::intake::Admitted;
use super::observer::Outcome;
use super::record::Record;
use super::service::Shared;
use super::snapshot::Snapshot;
use super::upload::{self, Upload};
use super::{DeadlineCovers, Refusal, hops};
use crate::http::{Body, Error, Sent, boxed, deadline};

/// A pooled connection that had died unnoticed costs nothing and says nothing; so often it is replaced
/// without asking the retry policy.
const FREE_REPLACEMENTS: u32 = 3;

/// A server that asks for a longer pause than this is not waited for.
const LONGEST_HINT: Duration = Duration::from_secs(300);

/// One request between its admission and the head of its answer.
pub(super) struct Exchange {
    pub(super) shared: Arc<Shared>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) admitted: Admitted,
    pub(super) head: http::request::Parts,
    pub(super) upload: Upload,
    pub(super) record: Record,
}

/// Why an attempt has no answer.
struct Failure {
    refusal: Refusal,
    sent: Sent,
    /// Whether another attempt could end otherwise.
    curable: bool,
    /// Whether only a dead connection was found.
    stale: bool,
}

impl Exchange {
    /// Makes attempts until one is answered or no further one may be made.
    ///
    /// Dropping the future gives back the slot and the permit of the attempt under way; its breaker
    /// learns that there was no result.
    pub(super) async fn run(mut self) -> Response<Body> {
        let upstream = self.admitted.route.upstream.clone();
        self.record.upstream = Some(upstream.name().clone());
        upstream.deposit();
        let mut tried = Vec::new();
        let mut repeats = 0;
        let mut replacements = 0;
        loop {
            let trace = self.admitted.trace.trace_id();
            let mut flight = match upstream.pick(&tried, self.record.attempts + 1, trace) {
                Ok(flight) => flight,
                Err(refusal) => return self.refuse(refusal),
            };
            self.record.attempts += 1;
            self.record.endpoint = Some(flight.endpoint().clone());
            let pause = match self.attempt(&mut flight).await {
                Ok(response) => {
                    let pause = self.pause_after_answer(&response, repeats);
                    let Some(pause) = pause else {
                        return self.deliver(response, flight);
                    };
                    tried.push(flight.endpoint().clone());
                    flight.complete();
                    pause
                }
                Err((failure, outcome)) => {
                    let endpoint = flight.endpoint().clone();
                    flight.settle(outcome);
                    if failure.stale
                        && replacements < FREE_REPLACEMENTS
                        && self.upload.is_available()
                    {
                        replacements += 1;
                        continue;
                    }
                    tried.push(endpoint);
                    match self.pause_after_failure(&failure, repeats) {
                        Some(pause) => pause,
                        None => return self.refuse(failure.refusal),
                    }
                }
            };
            repeats += 1;
            sleep(pause).await;
        }
    }

    /// One attempt; its answer's body is still to come.
    async fn attempt(
        &mut self,
        flight: &mut Flight,
    ) -> Result<Response<Incoming>, (Failure, Outcome)> {
        let now = Instant::now();
        let per_try = self
            .admitted
            .route
            .retry
            .as_ref()
            .and_then(|retry| retry.per_try_timeout);
        let until = per_try.map_or(self.admitted.deadline, |per_try| {
            self.admitted.deadline.min(now + per_try)
        });
        let Some(request) = self.request(flight.endpoint(), until, now) else {
            return Err((Failure::deadline(Sent::No), Outcome::Cancelled));
        };
        match self.shared.client.send(request, Some(until)).await {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                Err((Failure::of("protocol"), Outcome::Broken("protocol")))
            }
            Ok(response) => {
                flight.answered(response.status(), speaks_for_endpoint(&response));
                Ok(response)
            }
            Err(error) => Err(self.judge(error)),
        }
    }

    /// The request of one attempt; none if there is no time left to ask for.
    fn request(&mut self, endpoint: &str, until: Instant, now: Instant) -> Option<Request<Body>> {
        let mut headers = self.head.headers.clone();
        if !deadline::write(&mut headers, until, now) {
            return None;
        }
        let trace = &self.admitted.trace;
        self.shared.with_rng(|rng| trace.write(&mut headers, rng));
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = endpoint.parse::<Authority>().ok();
        parts.path_and_query = Some(self.admitted.target.clone());
        let body = self.upload.send(&mut headers);
        let mut request = Request::new(body);
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = Uri::from_parts(parts).ok()?;
        *request.headers_mut() = headers;
        Some(request)
    }

    /// What an error means for the client, for a repetition and for the endpoint's breaker.
    fn judge(&self, error: Error) -> (Failure, Outcome) {
        let kind = error.kind();
        let sent = error.sent();
        match error {
            Error::Deadline { .. } => (Failure::deadline(sent), Outcome::Broken(kind)),
            Error::RequestBody(source) => {
                let refusal = upload::refusal(&*source, self.snapshot.config.max_body);
                let failure = Failure {
                    refusal,
                    sent,
                    curable: false,
                    stale: false,
                };
                (failure, Outcome::Cancelled)
            }
            Error::Canceled => (
                Failure {
                    sent,
                    stale: true,
                    ..Failure::of(kind)
                },
                Outcome::Cancelled,
            ),
            Error::Protocol { .. } | Error::Unsendable(_) => (
                Failure {
                    curable: false,
                    ..Failure::of(kind)
                },
                Outcome::Broken(kind),
            ),
            _ => (
                Failure {
                    sent,
                    ..Failure::of(kind)
                },
                Outcome::Broken(kind),
            ),
        }
    }

    fn pause_after_answer(&self, response: &Response<Incoming>, repeats: u32) -> Option<Duration> {
        // What a gateway further on refused was decided there; repeating it here would multiply.
        let refused = response.headers().contains_key(REFUSED_BY);
        if refused || !self.admitted.route.repeats(response.status()) {
            return None;
        }
        let hint = response.headers().get(RETRY_AFTER);
        let hint = hint.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        self.pause(Sent::Maybe, repeats, hint.map(Duration::from_secs))
    }

    fn pause_after_failure(&self, failure: &Failure, repeats: u32) -> Option<Duration> {
        if failure.curable {
            self.pause(failure.sent, repeats, None)
        } else {
            None
        }
    }

    /// How long to wait before the next attempt, or none if there may be no next attempt. Takes from the
    /// retry budget, so it comes last.
    fn pause(&self, sent: Sent, repeats: u32, hint: Option<Duration>) -> Option<Duration> {
        let retry = self.admitted.route.retry.as_ref()?;
        let harmless = sent == Sent::No || self.is_idempotent();
        if repeats + 1 >= retry.attempts || !harmless || !self.upload.is_available() {
            return None;
        }
        let drawn = self.shared.with_rng(|rng| retry.pause(repeats + 1, rng));
        let pause = match hint {
            Some(hint) if hint > LONGEST_HINT => return None,
            Some(hint) => drawn.max(hint),
            None => drawn,
        };
        // At the deadline itself there is nothing left to spend on an attempt.
        let fits = Instant::now() + pause < self.admitted.deadline;
        (fits && self.admitted.route.upstream.withdraw()).then_some(pause)
    }

    fn is_idempotent(&self) -> bool {
        const METHODS: [Method; 6] = [
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::TRACE,
            Method::PUT,
            Method::DELETE,
        ];
        METHODS.contains(&self.head.method) || self.head.headers.contains_key("idempotency-key")
    }

    fn deliver(mut self, response: Response<Incoming>, flight: Flight) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        self.record.answered(head.status);
        let received = head.version;
        hops::strip(&mut head.headers, &[]);
        hops::append_via(&mut head.headers, received, &self.snapshot.config.name);
        head.extensions.clear();
        let until = match self.admitted.route.covers {
            DeadlineCovers::Body => Some(self.admitted.deadline),
            DeadlineCovers::Head => None,
        };
        let answer = Answer::new(body, flight, self.record, until);
        Response::from_parts(head, boxed(answer))
    }

    fn refuse(self, refusal: Refusal) -> Response<Body> {
        let response = refusal.response(&self.snapshot.config.name);
        self.record.refused(refusal);
        response
    }
}

impl Failure {
    const fn of(kind: &'static str) -> Self {
        let refusal = Refusal::BadUpstream(kind);
        Self {
            refusal,
            sent: Sent::Maybe,
            curable: true,
            stale: false,
        }
    }

    const fn deadline(sent: Sent) -> Self {
        Self {
            refusal: Refusal::Deadline,
            sent,
            curable: true,
            stale: false,
        }
    }
}

/// A refusal of a gateway further on, and an endpoint that asks for patience, say nothing about the
/// endpoint's health.
fn speaks_for_endpoint(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    let throttled = response.status() == StatusCode::TOO_MANY_REQUESTS
        || (response.status() == StatusCode::SERVICE_UNAVAILABLE
            && headers.contains_key(RETRY_AFTER));
    !throttled && !headers.contains_key(REFUSED_BY)
}
