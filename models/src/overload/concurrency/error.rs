//! Why a concurrency limiter turns a call away.

use std::time::Duration;

use http::StatusCode;

/// A call was not admitted. Not a failure of the callee, and no sample of its latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("as many calls as the limit allows are under way ({limit})")]
pub struct Refused {
    /// The limit.
    pub limit: usize,
}

impl Refused {
    /// What the client is told: 503.
    pub const fn status(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    /// Whether another endpoint may be asked: the callee has seen nothing of the call.
    pub const fn may_repeat(&self) -> bool {
        true
    }

    /// When another call makes sense: that is not known.
    pub const fn retry_after(&self) -> Option<Duration> {
        None
    }
}
