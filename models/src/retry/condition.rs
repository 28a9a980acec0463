//! Which ends of an attempt are worth another one, and which requests may be sent again. Pure predicates.

use http::{HeaderMap, Method, StatusCode};

use super::Kind;
use crate::http::{Error, Sent};

/// How an attempt ended without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The destination answered with this status. A reset is none: nobody sent it.
    Status(StatusCode),
    /// The connection broke while the request was under way.
    Reset,
    /// There was no connection.
    ConnectFailure,
    /// The server said that it did not look at the request (HTTP/2: REFUSED_STREAM).
    RefusedStream,
    /// There was no answer in time.
    Timeout,
    /// Anything else: the request itself or the protocol is at fault.
    Other,
}

impl Ending {
    /// Of a call that ended in an error.
    pub const fn of(error: &Error) -> Self {
        match error {
            Error::Reset { .. } | Error::Closed { .. } | Error::Canceled => Self::Reset,
            Error::Deadline { .. } => Self::Timeout,
            _ if error.is_connect() => Self::ConnectFailure,
            _ => Self::Other,
        }
    }

    /// What kind of failure it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Status(StatusCode::TOO_MANY_REQUESTS) => Kind::Throttled,
            Self::Status(StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT)
            | Self::Timeout => Kind::Timeout,
            _ => Kind::Transient,
        }
    }
}

/// Which failures without an answer are worth another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The connection broke.
    pub reset: bool,
    /// There was no connection.
    pub connect_failure: bool,
    /// The server did not look at the request.
    pub refused_stream: bool,
    /// There was no answer in time.
    pub timeout: bool,
}

impl Failures {
    /// All of them.
    pub const ALL: Self = Self {
        reset: true,
        connect_failure: true,
        refused_stream: true,
        timeout: true,
    };

    /// Whether this end is among them.
    pub const fn cover(&self, ending: &Ending) -> bool {
        match ending {
            Ending::Reset => self.reset,
            Ending::ConnectFailure => self.connect_failure,
            Ending::RefusedStream => self.refused_stream,
            Ending::Timeout => self.timeout,
            Ending::Status(_) | Ending::Other => false,
        }
    }
}

/// What is there of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// All of it, within the limit of what is kept: it can be sent any number of times.
    Whole,
    /// A stream of which nothing was read yet.
    Untouched,
    /// A stream that was read from, also if the server got nothing of it.
    Begun,
}

/// A request after an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Whether the server may have seen it.
    pub sent: Sent,
    /// What is there of its body.
    pub payload: Payload,
    /// Whether anything of an answer was passed on.
    pub answer_begun: bool,
}

/// Why a request may not be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrepeatable {
    /// Its caller has the beginning of an answer; a second one would be mixed into it.
    #[error("the answer has begun")]
    Committed,
    /// A part of its body is gone.
    #[error("the body was read and not kept")]
    BodySpent,
    /// The server may have acted on it, and acting twice would be another thing.
    #[error("the request is not idempotent and may have been seen")]
    NotIdempotent,
}

impl Situation<'_> {
    /// Whether the request may be sent again.
    ///
    /// # Errors
    ///
    /// The first reason why not.
    pub fn check(&self) -> Result<(), Unrepeatable> {
        if self.answer_begun {
            return Err(Unrepeatable::Committed);
        }
        if self.payload == Payload::Begun {
            return Err(Unrepeatable::BodySpent);
        }
        if !may_repeat(self.method, self.headers, self.sent == Sent::Maybe) {
            return Err(Unrepeatable::NotIdempotent);
        }
        Ok(())
    }
}

/// Whether a request may be sent again: nothing of it was sent, its method is idempotent, or it carries
/// an `Idempotency-Key`.
pub fn may_repeat(method: &Method, headers: &HeaderMap, sent: bool) -> bool {
    !sent || is_idempotent(method, headers)
}

/// Whether the effect of sending a request twice is that of sending it once: by its method, or because it
/// carries an `Idempotency-Key`.
pub fn is_idempotent(method: &Method, headers: &HeaderMap) -> bool {
    method.is_idempotent() || headers.contains_key("idempotency-key")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn checked(method: Method, sent: Sent, payload: Payload, begun: bool) -> Option<Unrepeatable> {
        let situation = Situation {
            method: &method,
            headers: &HeaderMap::new(),
            sent,
            payload,
            answer_begun: begun,
        };
        situation.check().err()
    }

    #[test]
    fn nothing_is_repeated_once_its_answer_has_begun() {
        let begun = |begun| checked(Method::GET, Sent::No, Payload::Whole, begun);
        assert_eq!(begun(false), None);
        assert_eq!(begun(true), Some(Unrepeatable::Committed));
    }

    #[test]
    fn a_write_that_may_have_been_seen_is_not_sent_again() {
        let post = |sent| checked(Method::POST, sent, Payload::Whole, false);
        assert_eq!(post(Sent::No), None);
        assert_eq!(post(Sent::Maybe), Some(Unrepeatable::NotIdempotent));
        let get = checked(Method::GET, Sent::Maybe, Payload::Whole, false);
        assert_eq!(get, None);
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", HeaderValue::from_static("1"));
        assert!(may_repeat(&Method::POST, &headers, true));
    }

    #[test]
    fn a_body_that_was_read_from_is_not_sent_again() {
        let put = |payload| checked(Method::PUT, Sent::No, payload, false);
        assert_eq!(put(Payload::Whole), None);
        assert_eq!(put(Payload::Untouched), None);
        assert_eq!(put(Payload::Begun), Some(Unrepeatable::BodySpent));
    }

    #[test]
    fn a_reset_is_no_status_and_each_failure_has_its_switch() {
        let none = Failures {
            reset: false,
            connect_failure: false,
            refused_stream: false,
            timeout: false,
        };
        let reset = Ending::of(&Error::Closed { sent: Sent::Maybe });
        assert_eq!(reset, Ending::Reset);
        assert_eq!(Ending::of(&Error::ConnectRefused), Ending::ConnectFailure);
        let late = Ending::of(&Error::Deadline { sent: Sent::Maybe });
        assert_eq!((late, late.kind()), (Ending::Timeout, Kind::Timeout));
        for (ending, switch) in [
            (
                Ending::Reset,
                Failures {
                    reset: true,
                    ..none
                },
            ),
            (
                Ending::ConnectFailure,
                Failures {
                    connect_failure: true,
                    ..none
                },
            ),
            (
                Ending::RefusedStream,
                Failures {
                    refused_stream: true,
                    ..none
                },
            ),
            (
                Ending::Timeout,
                Failures {
                    timeout: true,
                    ..none
                },
            ),
        ] {
            assert!(switch.cover(&ending) && Failures::ALL.cover(&ending));
            assert!(!none.cover(&ending), "{ending:?}");
        }
        let unavailable = Ending::Status(StatusCode::SERVICE_UNAVAILABLE);
        assert!(!Failures::ALL.cover(&unavailable) && !Failures::ALL.cover(&Ending::Other));
    }
}
