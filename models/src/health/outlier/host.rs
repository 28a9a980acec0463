//! What the detector remembers of one endpoint.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::{Consecutive, Outcome, Policy, Reason};

/// Calls of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    total: u64,
    good: u64,
}

impl Tally {
    const fn add(&mut self, good: bool) {
        self.total = self.total.saturating_add(1);
        self.good = self.good.saturating_add(good as u64);
    }

    /// Successes in percent, if there were at least `volume` calls (and one at all).
    pub(super) fn rate(&self, volume: u64) -> Option<f64> {
        (self.total > 0 && self.total >= volume)
            .then(|| self.good as f64 * 100.0 / self.total as f64)
    }
}

/// An endpoint as the detector sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspicion {
    /// Out of the set at least until then, and until the first sweep after; none if it is in.
    pub ejected_until: Option<Instant>,
    /// How often it was ejected without rest: the next ejection lasts longer by that.
    pub ejections: u32,
    /// Its successes in the last whole interval, in percent; none without a call.
    pub success_rate: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Streaks {
    server_errors: u32,
    gateway_failures: u32,
    local_failures: u32,
}

/// What the detector remembers of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    streaks: Streaks,
    /// The interval under way, and the whole one before it.
    present: Tally,
    past: Tally,
    ejections: u32,
    until: Option<Instant>,
    returned: Option<Instant>,
}

impl Host {
    pub(super) const fn is_ejected(&self) -> bool {
        self.until.is_some()
    }

    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    pub(super) const fn past(&self) -> &Tally {
        &self.past
    }

    pub(super) fn suspicion(&self) -> Suspicion {
        Suspicion {
            ejected_until: self.until,
            ejections: self.ejections,
            success_rate: self.past.rate(1),
        }
    }

    /// Counts a call; the answer is what it was one too many of, in the order in which it is judged.
    pub(super) fn note(&mut self, outcome: Outcome, policy: &Policy) -> Vec<Reason> {
        let (server_error, gateway_failure, local_failure) = match outcome {
            Outcome::Cancelled => return Vec::new(),
            Outcome::Failed(_) if policy.split_local_origin => (false, false, true),
            Outcome::Failed(_) => (true, true, false),
            Outcome::Answered(status) => (status.is_server_error(), is_gateway(status), false),
        };
        self.present.add(!(server_error || local_failure));
        if self.is_ejected() {
            return Vec::new();
        }
        let streaks = &mut self.streaks;
        let mut reached = Vec::new();
        if local_failure {
            // What the endpoint answered before is no better for a connection that broke.
            if reaches(&mut streaks.local_failures, policy.local_failures) {
                reached.push(Reason::LocalFailures);
            }
            return reached;
        }
        streaks.local_failures = 0;
        if !gateway_failure {
            streaks.gateway_failures = 0;
        } else if reaches(&mut streaks.gateway_failures, policy.gateway_failures) {
            reached.push(Reason::GatewayFailures);
        }
        if !server_error {
            streaks.server_errors = 0;
        } else if reaches(&mut streaks.server_errors, policy.server_errors) {
            reached.push(Reason::ServerErrors);
        }
        reached
    }

    pub(super) fn eject(&mut self, now: Instant, jitter: Duration, policy: &Policy) -> Instant {
        if policy.grows(self.ejections) {
            self.ejections = self.ejections.saturating_add(1);
        }
        self.streaks = Streaks::default();
        let until = now + policy.ejection(self.ejections) + jitter;
        self.until = Some(until);
        until
    }

    pub(super) fn come_back(&mut self, now: Instant) {
        self.streaks = Streaks::default();
        self.until = None;
        self.returned = Some(now);
    }

    /// A sweep passes one that is in: after an interval of rest its next ejection gets shorter again.
    pub(super) fn rest(&mut self, now: Instant, interval: Duration) {
        let since = self.returned.map(|at| now.saturating_duration_since(at));
        if since.is_none_or(|since| since >= interval) {
            self.ejections = self.ejections.saturating_sub(1);
        }
    }

    /// The interval under way is over.
    pub(super) fn turn(&mut self) {
        self.past = std::mem::take(&mut self.present);
    }
}

/// One more in a row; at the threshold the count begins anew.
const fn reaches(streak: &mut u32, policy: Consecutive) -> bool {
    *streak = streak.saturating_add(1);
    let reached = *streak >= policy.threshold;
    if reached {
        *streak = 0;
    }
    reached
}

const fn is_gateway(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}
