//! The counters of a gateway and its server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;
use super::series::Series;
use crate::breaker::State;
use crate::gateway::{
    Access, Attempt, BreakerChange, BreakerRejection, End, MirrorEnd, Mirrored, Observer, Outcome,
    OutlierChange, Retrying,
};
use crate::health::outlier::Event;
use crate::http::{ServerEvent, ServerObserver};

/// So many routes and so many upstreams have series of their own.
const MOST_NAMES: usize = 1_000;

/// How a request without a route is labelled.
const NO_ROUTE: &str = "(none)";

/// Counts; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Telemetry(pub(super) Arc<Counts>);

#[derive(Debug)]
pub(super) struct Counts {
    pub(super) routes: Series<OfRoute>,
    pub(super) upstreams: Series<OfUpstream>,
    pub(super) refusals: Series<Count>,
    pub(super) opened: Count,
    pub(super) closed: Count,
    pub(super) refused: Count,
    pub(super) secured: Count,
    pub(super) handshakes_failed: Count,
    pub(super) accepts_failed: Count,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            routes: Series::new(MOST_NAMES),
            upstreams: Series::new(MOST_NAMES),
            refusals: Series::new(MOST_NAMES),
            opened: Count::default(),
            closed: Count::default(),
            refused: Count::default(),
            secured: Count::default(),
            handshakes_failed: Count::default(),
            accepts_failed: Count::default(),
        }
    }
}

/// A number that only grows. At a thousand million a second it ends in centuries.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Numbers by one of a few words.
#[derive(Debug)]
pub(super) struct Words<const N: usize>(pub(super) [Count; N]);

impl<const N: usize> Default for Words<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Count::default()))
    }
}

pub(super) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
pub(super) const ENDS: [&str; 3] = ["complete", "caller-left", "broken-off"];
pub(super) const OUTCOMES: [&str; 5] = ["succeeded", "failed", "neutral", "broken", "cancelled"];
pub(super) const STATES: [&str; 6] = [
    "closed",
    "open",
    "half-open",
    "forced-open",
    "disabled",
    "metrics-only",
];
pub(super) const EJECTIONS: [&str; 3] = ["ejected", "returned", "spared"];
pub(super) const COPIES: [&str; 3] = ["answered", "failed", "skipped"];
pub(super) const RETRIES: [&str; 2] = ["granted", "denied"];

#[derive(Debug, Default)]
pub(super) struct OfRoute {
    pub(super) classes: Words<6>,
    pub(super) ends: Words<3>,
    pub(super) duration: Histogram,
}

#[derive(Debug, Default)]
pub(super) struct OfUpstream {
    pub(super) outcomes: Words<5>,
    pub(super) duration: Histogram,
    pub(super) retries: Words<2>,
    pub(super) states: Words<6>,
    pub(super) rejections: Count,
    pub(super) ejections: Words<3>,
    pub(super) copies: Words<3>,
}

impl Observer for Telemetry {
    fn access(&self, access: &Access<'_>) {
        let route = self.0.routes.of(access.route.unwrap_or(NO_ROUTE));
        let class = access.status.map(|status| status.as_u16() / 100);
        let class = match class {
            Some(class @ 1..=5) => usize::from(class) - 1,
            _ => CLASSES.len() - 1,
        };
        route.classes.0[class].add();
        let end = match access.end {
            End::Complete => 0,
            End::CallerLeft => 1,
            End::BrokenOff => 2,
        };
        route.ends.0[end].add();
        route.duration.record(access.latency, access.trace);
        if let Some(refusal) = access.refusal {
            self.0.refusals.of(refusal.kind()).add();
        }
    }

    fn attempt(&self, attempt: &Attempt<'_>) {
        let upstream = self.0.upstreams.of(attempt.upstream);
        let outcome = match attempt.outcome {
            Outcome::Succeeded(_) => 0,
            Outcome::Failed(_) => 1,
            Outcome::Neutral(_) => 2,
            Outcome::Broken(_) => 3,
            Outcome::Cancelled => 4,
        };
        upstream.outcomes.0[outcome].add();
        upstream.duration.record(attempt.latency, attempt.trace);
    }

    fn retry(&self, retrying: &Retrying<'_>) {
        let decision = usize::from(retrying.pause.is_err());
        self.0.upstreams.of(retrying.upstream).retries.0[decision].add();
    }

    fn breaker(&self, change: &BreakerChange<'_>) {
        let state = state_number(change.to);
        self.0.upstreams.of(change.upstream).states.0[state].add();
    }

    fn outlier(&self, change: &OutlierChange<'_>) {
        let event = match change.event {
            Event::Ejected { .. } => 0,
            Event::Returned { .. } => 1,
            Event::Spared { .. } => 2,
        };
        self.0.upstreams.of(change.upstream).ejections.0[event].add();
    }

    fn mirrored(&self, mirrored: &Mirrored<'_>) {
        let end = match mirrored.end {
            MirrorEnd::Answered(_) => 0,
            MirrorEnd::Failed(_) => 1,
            MirrorEnd::Skipped(_) => 2,
        };
        self.0.upstreams.of(mirrored.upstream).copies.0[end].add();
    }

    fn rejected(&self, rejection: &BreakerRejection<'_>) {
        self.0.upstreams.of(rejection.upstream).rejections.add();
    }
}

/// The state's place among the words.
const fn state_number(state: State) -> usize {
    match state {
        State::Closed => 0,
        State::Open => 1,
        State::HalfOpen => 2,
        State::ForcedOpen => 3,
        State::Disabled => 4,
        State::MetricsOnly => 5,
    }
}

/// The word for a breaker's state.
pub(in crate::gateway) const fn state_word(state: State) -> &'static str {
    STATES[state_number(state)]
}

impl ServerObserver for Telemetry {
    fn observe(&self, event: &ServerEvent<'_>) {
        let counts = &self.0;
        match event {
            ServerEvent::Opened { .. } => counts.opened.add(),
            ServerEvent::Closed { .. } => counts.closed.add(),
            ServerEvent::Refused { .. } => counts.refused.add(),
            ServerEvent::Secured { .. } => counts.secured.add(),
            ServerEvent::HandshakeFailed { .. } => counts.handshakes_failed.add(),
            ServerEvent::AcceptFailed { .. } => counts.accepts_failed.add(),
            _ => {}
        }
    }
}
