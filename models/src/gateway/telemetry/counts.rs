//! The counters of a gateway and its server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::family::{Family, Kind, Sample, Source, Value};
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
pub struct Telemetry(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    routes: Series<OfRoute>,
    upstreams: Series<OfUpstream>,
    refusals: Series<Count>,
    opened: Count,
    closed: Count,
    refused: Count,
    secured: Count,
    handshakes_failed: Count,
    accepts_failed: Count,
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
struct Count(AtomicU64);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Numbers by one of a few words.
#[derive(Debug)]
struct Words<const N: usize>([Count; N]);

impl<const N: usize> Default for Words<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Count::default()))
    }
}

const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
const ENDS: [&str; 3] = ["complete", "caller-left", "broken-off"];
const OUTCOMES: [&str; 5] = ["succeeded", "failed", "neutral", "broken", "cancelled"];
const STATES: [&str; 6] = [
    "closed",
    "open",
    "half-open",
    "forced-open",
    "disabled",
    "metrics-only",
];
const EJECTIONS: [&str; 3] = ["ejected", "returned", "spared"];
const COPIES: [&str; 3] = ["answered", "failed", "skipped"];
const RETRIES: [&str; 2] = ["granted", "denied"];

#[derive(Debug, Default)]
struct OfRoute {
    classes: Words<6>,
    ends: Words<3>,
    duration: Histogram,
}

#[derive(Debug, Default)]
struct OfUpstream {
    outcomes: Words<5>,
    duration: Histogram,
    retries: Words<2>,
    states: Words<6>,
    rejections: Count,
    ejections: Words<3>,
    copies: Words<3>,
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

/// The series of one kind that all named things have, by a word.
fn words<V, const N: usize>(
    (name, help): (&'static str, &'static str),
    (thing, all): (&'static str, &[(Arc<str>, Arc<V>)]),
    (label, known): (&'static str, [&'static str; N]),
    part: impl Fn(&V) -> &Words<N>,
) -> Family {
    let mut family = Family::new(name, Kind::Counter, help);
    for (named, numbers) in all {
        for (word, count) in known.iter().zip(&part(numbers).0) {
            let labels = vec![(thing, named.clone()), (label, (*word).into())];
            family.push(labels, count.get());
        }
    }
    family
}

fn durations<V>(
    (name, help): (&'static str, &'static str),
    (thing, all): (&'static str, &[(Arc<str>, Arc<V>)]),
    part: impl Fn(&V) -> &Histogram,
) -> Family {
    let mut family = Family::new(name, Kind::Histogram, help);
    family.samples = all
        .iter()
        .map(|(named, numbers)| Sample {
            labels: vec![(thing, named.clone())],
            value: Value::Reading(part(numbers).read()),
        })
        .collect();
    family
}

impl Source for Telemetry {
    fn gather(&self) -> Vec<Family> {
        let mut all = self.connections();
        all.extend(self.routes());
        all.extend(self.upstreams());
        all
    }
}

impl Telemetry {
    fn connections(&self) -> Vec<Family> {
        let counts = &self.0;
        let counter =
            |name, help, count: &Count| Family::single(name, Kind::Counter, help, count.get());
        // Closed is read first: a connection that comes in between is not open less than nothing.
        let closed = counts.closed.get();
        let open = counts.opened.get().saturating_sub(closed);
        vec![
            Family::single(
                "gateway_connections_open",
                Kind::Gauge,
                "Connections of clients that are open.",
                open,
            ),
            counter(
                "gateway_connections",
                "Connections of clients that were accepted.",
                &counts.opened,
            ),
            counter(
                "gateway_connections_refused",
                "Connections closed at once, because their client held too many.",
                &counts.refused,
            ),
            counter(
                "gateway_tls_handshakes",
                "Handshakes with clients that succeeded.",
                &counts.secured,
            ),
            counter(
                "gateway_tls_handshakes_failed",
                "Handshakes with clients that failed.",
                &counts.handshakes_failed,
            ),
            counter(
                "gateway_accepts_failed",
                "Errors of the listener.",
                &counts.accepts_failed,
            ),
        ]
    }

    fn routes(&self) -> Vec<Family> {
        let routes = self.0.routes.all();
        let of = ("route", &routes[..]);
        let mut refusals = Family::new(
            "gateway_refusals",
            Kind::Counter,
            "Requests that the gateway itself refused, by reason.",
        );
        for (reason, count) in self.0.refusals.all() {
            refusals.push(vec![("reason", reason)], count.get());
        }
        vec![
            words(
                (
                    "gateway_requests",
                    "Requests that ended, by class of status.",
                ),
                of,
                ("status", CLASSES),
                |route: &OfRoute| &route.classes,
            ),
            words(
                ("gateway_request_ends", "Requests that ended, by how."),
                of,
                ("end", ENDS),
                |route: &OfRoute| &route.ends,
            ),
            durations(
                (
                    "gateway_request_duration_seconds",
                    "From a request's head to the last byte of its answer.",
                ),
                of,
                |route: &OfRoute| &route.duration,
            ),
            refusals,
        ]
    }

    fn upstreams(&self) -> Vec<Family> {
        let upstreams = self.0.upstreams.all();
        let of = ("upstream", &upstreams[..]);
        let mut rejections = Family::new(
            "gateway_breaker_rejections",
            Kind::Counter,
            "Attempts that a breaker did not admit.",
        );
        for (name, numbers) in &upstreams {
            rejections.push(vec![("upstream", name.clone())], numbers.rejections.get());
        }
        vec![
            words(
                (
                    "gateway_attempts",
                    "Attempts at endpoints that ended, by outcome.",
                ),
                of,
                ("outcome", OUTCOMES),
                |upstream: &OfUpstream| &upstream.outcomes,
            ),
            durations(
                (
                    "gateway_attempt_duration_seconds",
                    "From the pick of an endpoint to the last byte of its answer.",
                ),
                of,
                |upstream: &OfUpstream| &upstream.duration,
            ),
            words(
                (
                    "gateway_retries",
                    "Further attempts that were wanted, by decision.",
                ),
                of,
                ("decision", RETRIES),
                |upstream: &OfUpstream| &upstream.retries,
            ),
            words(
                (
                    "gateway_breaker_changes",
                    "Changes of breakers, by the new state.",
                ),
                of,
                ("to", STATES),
                |upstream: &OfUpstream| &upstream.states,
            ),
            rejections,
            words(
                ("gateway_outliers", "What became of outliers."),
                of,
                ("event", EJECTIONS),
                |upstream: &OfUpstream| &upstream.ejections,
            ),
            words(
                ("gateway_mirrored", "Copies of requests, by how they ended."),
                of,
                ("end", COPIES),
                |upstream: &OfUpstream| &upstream.copies,
            ),
        ]
    }
}
