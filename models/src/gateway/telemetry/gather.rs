//! The counters of a gateway and its server as a reading.

use std::sync::Arc;

use super::counts::{
    CLASSES, COPIES, Count, EJECTIONS, ENDS, OUTCOMES, OfRoute, OfUpstream, RETRIES, STATES,
    Telemetry, Words,
};
use super::family::{Family, Kind, Sample, Source, Value};
use super::histogram::Histogram;

/// What the things are, and all of them with their numbers.
type Named<'a, V> = (&'static str, &'a [(Arc<str>, Arc<V>)]);

/// The series of one kind that all named things have, by a word.
fn words<V, const N: usize>(
    (name, help): (&'static str, &'static str),
    (thing, all): Named<'_, V>,
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
    (thing, all): Named<'_, V>,
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
