//! The second half of a request's way: attempts until one answers, within deadline and budget.

use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep};

use super::answer::Answer;
use super::flight::Flight;
use super::intake::Admitted;
use super::judgement::{Failure, is_refusal};
use super::observer::Retrying;
use super::record::Record;
use super::service::Shared;
use super::snapshot::Snapshot;
use super::upload::Upload;
use super::{DeadlineCovers, Refusal, hops};
use crate::http::{Body, Sent, boxed, deadline, empty};
use crate::retry::{Course, GiveUp, may_repeat, retry_after};

/// A pooled connection that had died unnoticed costs nothing and says nothing; so often it is replaced
/// without asking the retry policy.
const FREE_REPLACEMENTS: u32 = 3;

/// One request between its admission and the head of its answer.
pub(super) struct Exchange {
    pub(super) shared: Arc<Shared>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) admitted: Admitted,
    pub(super) head: http::request::Parts,
    pub(super) upload: Upload,
    pub(super) record: Record,
}

impl Exchange {
    /// Makes attempts until one is answered or no further one may be made.
    ///
    /// Dropping the future gives back the slot and the permit of the attempt under way; its breaker
    /// learns that there was no result. No slot is held during a pause.
    pub(super) async fn run(mut self) -> Response<Body> {
        let route = self.admitted.route.clone();
        let upstream = self.admitted.upstream.clone();
        let trace = self.admitted.trace.trace_id();
        let deadline = Some(self.admitted.deadline);
        let mut course = route.retry.as_ref().map(|policy| policy.course(deadline));
        self.record.upstream = Some(upstream.name().clone());
        upstream.deposit();
        let mut tried = Vec::new();
        let mut replacements = 0;
        let planted = self.snapshot.config.planted;
        loop {
            let named = (self.record.attempts + 1, trace);
            let mut flight = match upstream.pick(&tried, self.admitted.key, named, planted) {
                Ok(flight) => flight,
                Err(refusal) => return self.refuse(refusal),
            };
            let endpoint = flight.endpoint().clone();
            self.record.attempts += 1;
            self.record.endpoint = Some(endpoint.clone());
            let pause = match self.attempt(&mut flight).await {
                Ok(response) => match self.after_answer(&response, &mut course) {
                    None => return self.deliver(response, flight),
                    Some(pause) => {
                        flight.complete();
                        pause
                    }
                },
                Err(failure) => {
                    flight.settle(failure.outcome);
                    let free = failure.stale && replacements < FREE_REPLACEMENTS;
                    if free && self.upload.is_available() {
                        replacements += 1;
                        continue;
                    }
                    match self.after_failure(&failure, &mut course) {
                        None => return self.refuse(failure.refusal),
                        Some(pause) => pause,
                    }
                }
            };
            tried.push(endpoint);
            sleep(pause).await;
        }
    }

    /// One attempt; its answer's body is still to come.
    async fn attempt(&mut self, flight: &mut Flight) -> Result<Response<Incoming>, Failure> {
        let now = Instant::now();
        let mut until = self.admitted.deadline;
        if let Some(per_try) = self.admitted.route.per_try_timeout {
            until = until.min(now + per_try);
        }
        let upstream = &self.admitted.upstream;
        let (client, scheme) = self.shared.client(&self.snapshot, upstream);
        let at = (&**flight.endpoint(), scheme);
        let request = self.request(at, until, now);
        let request = request.ok_or(Failure::too_late())?;
        let answer = client.send(request, Some(until)).await;
        let max_body = self.snapshot.config.max_body;
        let response = answer.map_err(|error| Failure::of(&error, max_body))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let asked_for = self.admitted.upgrade.as_ref();
            if !asked_for.is_some_and(|asked| asked.is_granted(response.headers())) {
                // Nobody asked for it, or for something else.
                return Err(Failure::protocol());
            }
            flight.upgraded(response.status());
            return Ok(response);
        }
        flight.answered(&response);
        Ok(response)
    }

    /// The request of one attempt; none if there is no time left to ask for.
    fn request(
        &mut self,
        at: (&str, Scheme),
        until: Instant,
        now: Instant,
    ) -> Option<Request<Body>> {
        let mut headers = self.head.headers.clone();
        if !deadline::write(&mut headers, until, now) {
            return None;
        }
        if self.snapshot.config.planted.deadline_not_propagated {
            headers.remove(deadline::HEADER);
        }
        let trace = &self.admitted.trace;
        self.shared.with_rng(|rng| trace.write(&mut headers, rng));
        let uri = address(at, &self.admitted.target)?;
        if let Some(asked) = &self.admitted.upgrade {
            asked.write(&mut headers);
        }
        let mut request = Request::new(self.upload.send(&mut headers));
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Some(request)
    }

    fn after_answer(
        &self,
        response: &Response<Incoming>,
        course: &mut Option<Course<'_>>,
    ) -> Option<Duration> {
        if is_refusal(response) || !self.admitted.route.repeats(response.status()) {
            return None;
        }
        self.pause(Sent::Maybe, retry_after(response.headers()), course)
    }

    fn after_failure(
        &self,
        failure: &Failure,
        course: &mut Option<Course<'_>>,
    ) -> Option<Duration> {
        if failure.curable {
            self.pause(failure.sent, None, course)
        } else {
            None
        }
    }

    /// How long to wait before the next attempt, or none if there may be no next attempt. The budget is
    /// asked last, so that nothing is taken from it in vain.
    fn pause(
        &self,
        sent: Sent,
        server_delay: Option<Duration>,
        course: &mut Option<Course<'_>>,
    ) -> Option<Duration> {
        let course = course.as_mut()?;
        let sent = sent == Sent::Maybe;
        let allowed = may_repeat(&self.head.method, &self.head.headers, sent);
        if !allowed || !self.upload.is_available() {
            return None;
        }
        let now = Instant::now();
        let drawn = self
            .shared
            .with_rng(|rng| course.next(now, server_delay, rng));
        let upstream = &self.admitted.upstream;
        let pause = drawn.and_then(|pause| match upstream.withdraw() {
            true => Ok(pause),
            false => Err(GiveUp::Budget),
        });
        self.shared.observer.retry(&Retrying {
            upstream: upstream.name(),
            after: self.record.attempts,
            pause,
            trace: self.admitted.trace.trace_id(),
        });
        pause.ok()
    }

    fn deliver(mut self, mut response: Response<Incoming>, flight: Flight) -> Response<Body> {
        let upgrade = self.admitted.upgrade.take();
        let upgrade = upgrade.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS);
        let theirs = upgrade.is_some().then(|| hyper::upgrade::on(&mut response));
        let (mut head, body) = response.into_parts();
        self.record.answered(head.status);
        let received = head.version;
        hops::strip(&mut head.headers, &[]);
        self.snapshot.via.append(&mut head.headers, received);
        self.admitted
            .route
            .response_headers
            .apply(&mut head.headers);
        // The version says what this gateway speaks, not what it was told (RFC 9110, section 6.2).
        head.version = Version::HTTP_11;
        head.extensions.clear();
        if let (Some(asked), Some(theirs)) = (upgrade, theirs) {
            asked.write(&mut head.headers);
            let idle = self.admitted.route.upgrade.as_ref();
            let idle = idle.map_or(Duration::MAX, |upgrade| upgrade.idle_timeout);
            asked.connect(theirs, flight, self.record, idle);
            return Response::from_parts(head, empty());
        }
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

/// Where `target` is at an endpoint.
pub(super) fn address((endpoint, scheme): (&str, Scheme), target: &PathAndQuery) -> Option<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(endpoint.parse::<Authority>().ok()?);
    parts.path_and_query = Some(target.clone());
    Uri::from_parts(parts).ok()
}
