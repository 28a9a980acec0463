//! What a gateway in production says besides its access log: events about breakers and outliers.

use tracing::{debug, warn};
use windtunnel_models::{
    breaker::State,
    gateway::{
        Attempt, BreakerChange, BreakerRejection, Mirrored, Observer, OutlierChange, Retrying,
    },
    health::outlier::Event,
};

/// Changes of breakers with target `breaker` and of outliers with target `outlier` and level `warn`; the
/// rest with level `debug`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notices;

impl Observer for Notices {
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
