//! What a gateway in production says: a `tracing` event for each request, louder ones for breakers.

use tracing::{debug, info, warn};
use windtunnel_models::{
    breaker::State,
    gateway::{
        Access, Attempt, BreakerChange, BreakerRejection, Mirrored, Observer, OutlierChange,
        Retrying,
    },
    health::outlier::Event,
};

/// Accesses with target `access` and level `info`; changes of breakers with target `breaker` and
/// level `warn`; the rest with level `debug`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessLog;

impl Observer for AccessLog {
    fn access(&self, access: &Access<'_>) {
        let client = access.client.map(ToString::to_string);
        info!(
            target: "access",
            client = client.as_deref().unwrap_or("-"),
            method = %access.method,
            host = access.host,
            path = access.path,
            route = access.route.unwrap_or("-"),
            endpoint = access.endpoint.unwrap_or("-"),
            status = access.status.map_or(0, |status| status.as_u16()),
            attempts = access.attempts,
            latency_us = access.latency.as_micros() as u64,
            refusal = access.refusal.map_or("-", |refusal| refusal.kind()),
            end = ?access.end,
            trace = format_args!("{:032x}", access.trace),
        );
    }

    fn attempt(&self, attempt: &Attempt<'_>) {
        debug!(target: "attempt", ?attempt);
    }

    fn retry(&self, retrying: &Retrying<'_>) {
        debug!(target: "retry", ?retrying);
    }

    fn breaker(&self, change: &BreakerChange<'_>) {
        let word = match change.to {
            State::Closed => "closed",
            State::Open => "opened",
            State::HalfOpen => "half-opened",
            State::ForcedOpen => "forced-open",
            State::Disabled => "disabled",
            State::MetricsOnly => "metrics-only",
        };
        let (upstream, endpoint) = (change.upstream, change.endpoint);
        warn!(target: "breaker", upstream, endpoint, "{word}");
    }

    fn outlier(&self, change: &OutlierChange<'_>) {
        let upstream = change.upstream;
        match change.event {
            Event::Ejected {
                endpoint, reason, ..
            } => warn!(target: "outlier", upstream, %endpoint, ?reason, "ejected"),
            Event::Returned { endpoint, .. } => {
                warn!(target: "outlier", upstream, %endpoint, "returned");
            }
            Event::Spared {
                endpoint,
                reason,
                mercy,
                ..
            } => warn!(target: "outlier", upstream, %endpoint, ?reason, ?mercy, "spared"),
        }
    }

    fn mirrored(&self, mirrored: &Mirrored<'_>) {
        debug!(target: "mirror", ?mirrored);
    }

    fn rejected(&self, rejection: &BreakerRejection<'_>) {
        debug!(target: "breaker", ?rejection);
    }
}
