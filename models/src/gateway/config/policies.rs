//! From what a configuration says to what the components are told.

use http::StatusCode;

use super::{Breaker, Limit, Pool, Protocol, Retry};
use crate::{breaker, http as wire, limit, retry};

impl Pool {
    /// The policy of the client that speaks `protocol`.
    pub fn policy(&self, protocol: Protocol) -> wire::ClientPolicy {
        wire::ClientPolicy {
            connect_timeout: self.connect_timeout,
            idle_timeout: self.idle_timeout,
            max_idle_per_host: self.max_idle,
            protocol: match protocol {
                Protocol::Http1 => wire::Protocol::Http1,
                Protocol::Http2 => wire::Protocol::Http2,
            },
            ..wire::ClientPolicy::default()
        }
    }
}

impl Breaker {
    /// The breaker's policy.
    pub fn policy(&self) -> breaker::Policy {
        let failures = u64::from(self.consecutive_failures.saturating_sub(1));
        let trip = match self.failure_rate {
            None => breaker::Trip::ConsecutiveFailures {
                more_than: failures,
            },
            Some(share) => breaker::Trip::FailureRatio {
                minimum: share.min_calls.into(),
                ratio: share.ratio,
            },
        };
        let window = match (self.interval, self.bucket) {
            (None, _) => breaker::Window::Forever,
            (Some(interval), None) => breaker::Window::Fixed(interval),
            (Some(interval), Some(bucket)) => breaker::Window::Rolling { interval, bucket },
        };
        breaker::Policy {
            max_trials: self.trials.into(),
            trial_timeout: self.trial_timeout,
            window,
            trip,
            open: breaker::OpenTime {
                base: self.open_for,
                growth: self.growth,
                max: self
                    .max_open_for
                    .unwrap_or(self.open_for.saturating_mul(10)),
                jitter: self.jitter,
            },
            ..breaker::Policy::default()
        }
    }
}

impl Limit {
    /// The limiter's quota.
    pub const fn quota(&self) -> limit::Quota {
        limit::Quota {
            cells: self.rate.requests,
            period: self.rate.period,
            burst: self.burst,
        }
    }
}

impl Retry {
    /// The retry policy.
    pub fn policy(&self) -> retry::Policy {
        let statuses = self.statuses.iter();
        retry::Policy {
            attempts: self.attempts,
            backoff: retry::Backoff {
                base: self.base,
                cap: self.cap,
                jitter: retry::Jitter::Full,
            },
            statuses: statuses
                .filter_map(|code| StatusCode::from_u16(*code).ok())
                .collect(),
            ..retry::Policy::default()
        }
    }
}
