//! Why a gateway answers a request itself, and with what.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::http::{Body, full};

/// The header that says that a gateway, and not a service behind it, refused: outer layers neither count
/// such an answer against the service nor repeat it blindly.
pub const REFUSED_BY: &str = "x-refused-by";

/// Why a request ended at the gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request cannot be understood in one way only.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The request does not fit the call that its route makes of it.
    #[error("bad request: {0}")]
    BadCall(String),
    /// No valid API key.
    #[error("an API key is required")]
    Unauthenticated,
    /// No route fits.
    #[error("no route")]
    NoRoute,
    /// The body is larger than allowed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The caller's body broke off.
    #[error("the request's body ended early")]
    BrokenBody,
    /// The caller's body did not arrive before the deadline.
    #[error("the request's body did not arrive in time")]
    SlowClient,
    /// The client sends too much.
    #[error("rate limit exceeded")]
    Limited {
        /// When the next request would be admitted.
        retry_after: Option<Duration>,
    },
    /// Every endpoint's breaker is open.
    #[error("the service is resting")]
    BreakerOpen {
        /// When the first of them lets a trial through.
        retry_after: Option<Duration>,
    },
    /// There is no endpoint.
    #[error("the service has no endpoint")]
    NoEndpoint,
    /// The route shares its requests among upstreams none of which has a weight.
    #[error("the route leads nowhere")]
    NoUpstream,
    /// The endpoint could not be reached, or broke off; the word is the error's kind.
    #[error("the service broke off ({0})")]
    BadUpstream(&'static str),
    /// A filter that fails closed failed.
    #[error("the filter `{filter}` failed")]
    FilterFailed {
        /// Its name.
        filter: Arc<str>,
    },
    /// The deadline passed.
    #[error("deadline passed")]
    Deadline,
}

impl Refusal {
    /// The status the client sees.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::BadCall(_) | Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoUpstream | Self::FilterFailed { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::SlowClient => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::BadUpstream(_) => StatusCode::BAD_GATEWAY,
            Self::BreakerOpen { .. } | Self::NoEndpoint => StatusCode::SERVICE_UNAVAILABLE,
            Self::Deadline => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// A short stable word for logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BadRequest(_) | Self::BadCall(_) => "bad-request",
            Self::Unauthenticated => "unauthenticated",
            Self::NoRoute => "no-route",
            Self::TooLarge { .. } => "too-large",
            Self::BrokenBody => "broken-body",
            Self::SlowClient => "slow-client",
            Self::Limited { .. } => "limited",
            Self::BreakerOpen { .. } => "breaker-open",
            Self::NoEndpoint => "no-endpoint",
            Self::NoUpstream => "no-upstream",
            Self::FilterFailed { .. } => "filter-failed",
            Self::BadUpstream(_) => "bad-upstream",
            Self::Deadline => "deadline",
        }
    }

    /// When another attempt makes sense, if that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited { retry_after } | Self::BreakerOpen { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// The answer, in the name of `gateway`.
    pub(super) fn response(&self, gateway: &str) -> Response<Body> {
        let mut response = Response::new(full(format!("{self}\n")));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if let Ok(value) = HeaderValue::try_from(format!("{gateway}; {}", self.kind())) {
            headers.insert(REFUSED_BY, value);
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if matches!(self, Self::Unauthenticated) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey"));
        }
        response
    }
}

/// Seconds rounded up, so that whoever waits as told is admitted; never zero, which would ask for a
/// repetition at once.
fn whole_seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        for (nanos, seconds) in [
            (0, 1),
            (1, 1),
            (1_000_000_000, 1),
            (1_000_000_001, 2),
            (2_500_000_000, 3),
        ] {
            assert_eq!(
                whole_seconds(Duration::from_nanos(nanos)),
                seconds,
                "{nanos}"
            );
        }
    }

    #[test]
    fn a_known_wait_and_the_refuser_are_in_the_headers() {
        let refusal = Refusal::Limited {
            retry_after: Some(Duration::from_millis(1200)),
        };
        let response = refusal.response("edge");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()[REFUSED_BY], "edge; limited");
        let unknown = Refusal::BreakerOpen { retry_after: None }.response("edge");
        assert!(!unknown.headers().contains_key("retry-after"));
    }
}
