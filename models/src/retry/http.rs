//! The protocol of repeated HTTP requests.

use http::{Request, Response, StatusCode};
use tokio::time::Instant;

use super::{
    Attempt, Ending, Failures, Kind, Law, Payload, Policy, Protocol, Reason, Situation, Verdict,
    Wish, is_idempotent, marker, wish,
};
use crate::gateway::REFUSED_BY;
use crate::http::{Error, Sent};
use crate::timeout::{Deadline, propagation};

/// How HTTP requests are repeated: statuses and failures as in a [`Policy`], idempotent requests only,
/// refusals of gateways not at all. Each attempt carries its number ([`marker`]) and what is left of its
/// deadline; the request's extensions hold the [`Attempt`], for a service that picks endpoints.
///
/// Bodies must be cheap to clone (such as `Full<Bytes>`), which makes them repeatable. The call is over
/// with the head of its answer: what has begun is never repeated.
#[derive(Clone, Debug)]
pub struct Http {
    statuses: Vec<StatusCode>,
    failures: Failures,
}

impl Http {
    /// Judges as `policy` says.
    pub fn new<L: Copy + Into<Law>>(policy: &Policy<L>) -> Self {
        Self {
            statuses: policy.statuses.clone(),
            failures: policy.failures,
        }
    }

    fn answered<B, C>(&self, request: &Request<B>, response: &Response<C>) -> Verdict {
        let (status, headers) = (response.status(), response.headers());
        if headers.contains_key(REFUSED_BY) {
            return Verdict::Refused;
        }
        if self.statuses.contains(&status) {
            let ending = Ending::Status(status);
            let wish = wish(headers);
            return retry_if_allowed(request, Sent::Maybe, ending.kind(), wish);
        }
        if status.is_client_error() || status.is_server_error() {
            return Verdict::Failure;
        }
        Verdict::Success
    }

    fn broken<B>(&self, request: &Request<B>, error: &Error) -> Verdict {
        if matches!(error, Error::Canceled) {
            return Verdict::Unsent;
        }
        let ending = Ending::of(error);
        if !self.failures.cover(&ending) {
            return Verdict::Failure;
        }
        retry_if_allowed(request, error.sent(), ending.kind(), Wish::None)
    }
}

fn retry_if_allowed<B>(request: &Request<B>, sent: Sent, kind: Kind, wish: Wish) -> Verdict {
    let situation = Situation {
        method: request.method(),
        headers: request.headers(),
        sent,
        payload: Payload::Whole,
        answer_begun: false,
    };
    match situation.check() {
        Ok(()) => Verdict::Retry(Reason { kind, wish }),
        Err(_) => Verdict::Failure,
    }
}

impl<B: Clone, C> Protocol<Request<B>, Response<C>, Error> for Http {
    fn judge(&self, request: &Request<B>, result: &Result<Response<C>, Error>) -> Verdict {
        match result {
            Ok(response) => self.answered(request, response),
            Err(error) => self.broken(request, error),
        }
    }

    fn is_idempotent(&self, request: &Request<B>) -> bool {
        is_idempotent(request.method(), request.headers())
    }

    fn attempt(&self, request: &mut Request<B>, attempt: &Attempt) -> Option<Request<B>> {
        let mut sent = request.clone();
        marker::mark(sent.headers_mut(), attempt.number);
        if let Some(deadline) = attempt.deadline {
            propagation::send(&mut sent, deadline, Instant::now()).ok()?;
            sent.extensions_mut().insert(deadline);
        }
        sent.extensions_mut().insert(attempt.clone());
        Some(sent)
    }

    fn deadline(&self, request: &Request<B>) -> Option<Deadline> {
        propagation::carried(request)
    }

    fn is_repeated_outside(&self, request: &Request<B>) -> bool {
        marker::is_marked(request.headers())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderValue, Method};

    use super::*;
    use crate::retry::{Tried, Wish};

    fn protocol() -> Http {
        Http::new(&Policy::default())
    }

    fn request(method: Method) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        request
    }

    fn judge(method: Method, result: Result<(u16, &str), Error>) -> Verdict {
        let result = result.map(|(status, header)| {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some((name, value)) = header.split_once(": ") {
                let name = http::HeaderName::try_from(name).unwrap();
                let value = HeaderValue::from_str(value).unwrap();
                response.headers_mut().insert(name, value);
            }
            response
        });
        protocol().judge(&request(method), &result)
    }

    fn retry(kind: Kind, wish: Wish) -> Verdict {
        Verdict::Retry(Reason { kind, wish })
    }

    #[test]
    fn answers_are_judged_by_status_header_and_method() {
        let second = Wish::After(Duration::from_secs(1));
        for (method, answer, expected) in [
            (Method::GET, (200, ""), Verdict::Success),
            (Method::GET, (404, ""), Verdict::Failure),
            (Method::GET, (500, ""), Verdict::Failure),
            (Method::GET, (503, ""), retry(Kind::Transient, Wish::None)),
            (
                Method::GET,
                (503, "retry-after: 1"),
                retry(Kind::Transient, second),
            ),
            (Method::GET, (504, ""), retry(Kind::Timeout, Wish::None)),
            (
                Method::GET,
                (503, "x-refused-by: edge; limited"),
                Verdict::Refused,
            ),
            (Method::POST, (503, ""), Verdict::Failure),
        ] {
            assert_eq!(judge(method, Ok(answer)), expected, "{answer:?}");
        }
    }

    #[test]
    fn failures_are_judged_by_what_the_server_may_have_seen() {
        let again = retry(Kind::Transient, Wish::None);
        assert_eq!(judge(Method::POST, Err(Error::ConnectRefused)), again);
        let closed = |method, sent| judge(method, Err(Error::Closed { sent }));
        assert_eq!(closed(Method::POST, Sent::Maybe), Verdict::Failure);
        assert_eq!(closed(Method::POST, Sent::No), again);
        assert_eq!(closed(Method::GET, Sent::Maybe), again);
        assert_eq!(judge(Method::POST, Err(Error::Canceled)), Verdict::Unsent);
        let unsendable = Error::Unsendable("no authority".into());
        assert_eq!(judge(Method::GET, Err(unsendable)), Verdict::Failure);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_carries_its_number_and_what_is_left() {
        let now = Instant::now();
        let attempt = |left| Attempt {
            number: 2,
            deadline: Some(Deadline::after(now, Duration::from_millis(left))),
            is_hedge: false,
            fresh: false,
            tried: Tried::default(),
        };
        let made = |left| {
            let protocol: &dyn Protocol<_, Response<()>, _> = &protocol();
            protocol.attempt(&mut request(Method::GET), &attempt(left))
        };
        let sent = made(5000).unwrap();
        assert_eq!(sent.headers()[marker::HEADER], "2");
        let said = Deadline::from_headers(sent.headers(), now).unwrap();
        let left = said.remaining(now);
        assert!(left > Duration::from_secs(4) && left <= Duration::from_secs(5));
        assert_eq!(sent.extensions().get::<Attempt>().unwrap().number, 2);
        // A layer further in sees that this one repeats.
        assert!(marker::is_marked(sent.headers()));
        assert!(made(0).is_none());
    }
}
