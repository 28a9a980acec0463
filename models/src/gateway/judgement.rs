//! What the end of an attempt means: for the client, for another attempt, for the endpoint's breaker.

use http::header::RETRY_AFTER;
use http::{Response, StatusCode};

use super::error::REFUSED_BY;
use super::observer::Outcome;
use super::{Refusal, upload};
use crate::http::{Error, Sent};

/// Why an attempt has no answer.
pub(super) struct Failure {
    /// What the client is told if this was the last attempt.
    pub(super) refusal: Refusal,
    /// Whether the endpoint may have seen the request.
    pub(super) sent: Sent,
    /// Whether another attempt could end otherwise.
    pub(super) curable: bool,
    /// Whether only a dead connection was found.
    pub(super) stale: bool,
    /// What the breaker is told.
    pub(super) outcome: Outcome,
}

impl Failure {
    /// Of a call that ended in an error; `max_body` is the limit an upload may have crossed.
    pub(super) fn of(error: &Error, max_body: u64) -> Self {
        let kind = error.kind();
        let broken = Self {
            refusal: Refusal::BadUpstream(kind),
            sent: error.sent(),
            curable: true,
            stale: false,
            outcome: Outcome::Broken(kind),
        };
        match error {
            Error::Deadline { .. } => Self {
                refusal: Refusal::Deadline,
                ..broken
            },
            Error::RequestBody(source) => Self {
                refusal: upload::refusal(&**source, max_body),
                curable: false,
                outcome: Outcome::Cancelled,
                ..broken
            },
            // The connection had died in the pool; the endpoint was not even asked.
            Error::Canceled => Self {
                stale: true,
                outcome: Outcome::Cancelled,
                ..broken
            },
            Error::Protocol { .. } | Error::Unsendable(_) => Self {
                curable: false,
                ..broken
            },
            _ => broken,
        }
    }

    /// An answer that HTTP forbids here.
    pub(super) const fn protocol() -> Self {
        Self {
            refusal: Refusal::BadUpstream("protocol"),
            sent: Sent::Maybe,
            curable: false,
            stale: false,
            outcome: Outcome::Broken("protocol"),
        }
    }

    /// No time was left to ask.
    pub(super) const fn too_late() -> Self {
        Self {
            refusal: Refusal::Deadline,
            sent: Sent::No,
            curable: false,
            stale: false,
            outcome: Outcome::Cancelled,
        }
    }
}

/// Whether a gateway further on refused: that was decided there, and repeating it would multiply.
pub(super) fn is_refusal<B>(response: &Response<B>) -> bool {
    response.headers().contains_key(REFUSED_BY)
}

/// A refusal of a gateway further on, and an endpoint that asks for patience, say nothing about the
/// endpoint's health.
pub(super) fn speaks_for_endpoint<B>(response: &Response<B>) -> bool {
    let asks_for_patience = response.status() == StatusCode::TOO_MANY_REQUESTS
        || (response.status() == StatusCode::SERVICE_UNAVAILABLE
            && response.headers().contains_key(RETRY_AFTER));
    !asks_for_patience && !is_refusal(response)
}
