//! From the components' typed hooks to the record of a run; in the real world to `tracing`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::debug;
use windtunnel::{component, gauge, request_received, request_sent};
use windtunnel_models::{
    breaker::State,
    gateway::{
        self, Access, Attempt, BreakerChange, BreakerRejection, Load, MirrorEnd, Mirrored, Outcome,
        OutlierChange, Retrying,
    },
    health::outlier::Event,
    http::{Sending, ServerEvent},
    saga::{self, LogEvent},
    trace,
};
use windtunnel_record::{Fields, TraceId};

/// Tells the record what the components of one process do.
#[derive(Clone, Debug)]
pub struct Hooks {
    owner: String,
    kind: &'static str,
    loads: Arc<Mutex<Loads>>,
}

/// Attempts in flight and permits out, by upstream and endpoint.
type Loads = BTreeMap<(String, String), (usize, usize)>;

impl Hooks {
    /// Hooks of a gateway (`kind` "gateway") or of a service's calls (`kind` "client").
    pub fn new(owner: &str, kind: &'static str) -> Self {
        Self {
            owner: owner.into(),
            kind,
            loads: Arc::default(),
        }
    }

    fn instance(&self, endpoint: &str) -> String {
        format!("{}->{endpoint}", self.owner)
    }
}

/// A client handed a request to a connection.
pub fn sending(sending: &Sending) {
    request_sent(sending.local, sending.peer, TraceId(sending.trace));
}

/// A server began to serve a request.
pub fn served(event: &ServerEvent<'_>) {
    if let ServerEvent::Serving { local, peer, trace } = event {
        request_received(*local, *peer, TraceId(*trace));
    }
}

/// The fields with the trace that they belong to, if there is one.
fn of_trace(fields: Fields, trace: Option<u128>) -> Fields {
    match trace.filter(|trace| *trace != 0) {
        Some(trace) => fields.with("trace", trace::text(trace)),
        None => fields,
    }
}

fn millis(span: std::time::Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

const fn word(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "opened",
        State::HalfOpen => "half-opened",
        State::ForcedOpen => "forced-open",
        State::Disabled => "disabled",
        State::MetricsOnly => "metrics-only",
    }
}

impl gateway::Observer for Hooks {
    fn access(&self, access: &Access<'_>) {
        let status = access.status.map_or(0, |status| i64::from(status.as_u16()));
        let mut fields = Fields::default()
            .with("route", access.route.unwrap_or("-"))
            .with("status", status)
            .with("attempts", i64::from(access.attempts))
            .with("latency-ms", millis(access.latency));
        if let Some(refusal) = access.refusal {
            fields = fields.with("refusal", format!("{refusal:?}"));
        }
        debug!(target: "access", owner = self.owner, ?access);
        let fields = of_trace(fields, Some(access.trace));
        component(self.kind, &self.owner, "access", fields);
    }

    fn attempt(&self, attempt: &Attempt<'_>) {
        let outcome = match attempt.outcome {
            Outcome::Succeeded(status) | Outcome::Failed(status) | Outcome::Neutral(status) => {
                status.as_u16().to_string()
            }
            Outcome::Broken(kind) => kind.into(),
            Outcome::Cancelled => "cancelled".into(),
        };
        let fields = Fields::default()
            .with("endpoint", attempt.endpoint)
            .with("number", i64::from(attempt.number))
            .with("outcome", outcome)
            .with("latency-ms", millis(attempt.latency));
        let fields = of_trace(fields, Some(attempt.trace));
        component(self.kind, &self.owner, "answered", fields);
    }

    fn sending(&self, sent: &Sending) {
        sending(sent);
    }

    fn load(&self, load: &Load<'_>) {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = (load.upstream.to_owned(), load.endpoint.to_owned());
        loads.insert(endpoint, (load.in_flight, load.permits));
        let in_flight: usize = loads.values().map(|(in_flight, _)| in_flight).sum();
        let permits: usize = loads.values().map(|(_, permits)| permits).sum();
        gauge("in-flight", in_flight as i64);
        gauge("permits-out", permits as i64);
        if self.kind == "gateway" {
            gauge("queue-depth", in_flight as i64);
        }
    }

    fn retry(&self, retrying: &Retrying<'_>) {
        let granted = retrying.pause.is_ok();
        let fields = Fields::default()
            .with("upstream", retrying.upstream)
            .with("after", i64::from(retrying.after))
            .with("granted", granted);
        let fields = of_trace(fields, Some(retrying.trace));
        component(
            "retry",
            &self.owner,
            if granted { "granted" } else { "denied" },
            fields,
        );
    }

    fn breaker(&self, change: &BreakerChange<'_>) {
        let fields = Fields::default()
            .with("from", word(change.from))
            .with("to", word(change.to));
        debug!(target: "breaker", owner = self.owner, ?change);
        let fields = of_trace(fields, trace::present());
        component(
            "breaker",
            &self.instance(change.endpoint),
            word(change.to),
            fields,
        );
    }

    fn outlier(&self, change: &OutlierChange<'_>) {
        debug!(target: "outlier", owner = self.owner, ?change);
        let (endpoint, word) = match change.event {
            Event::Ejected { endpoint, .. } => (endpoint, "ejected"),
            Event::Returned { endpoint, .. } => (endpoint, "returned"),
            Event::Spared { endpoint, .. } => (endpoint, "spared"),
        };
        let fields = of_trace(Fields::default(), trace::present());
        component("outlier", &self.instance(endpoint), word, fields);
    }

    fn mirrored(&self, mirrored: &Mirrored<'_>) {
        let end = match mirrored.end {
            MirrorEnd::Answered(status) => status.as_u16().to_string(),
            MirrorEnd::Failed(kind) | MirrorEnd::Skipped(kind) => kind.into(),
        };
        let fields = Fields::default()
            .with("upstream", mirrored.upstream)
            .with("end", end);
        let fields = of_trace(fields, trace::present());
        component("mirror", &self.owner, "ended", fields);
    }

    fn rejected(&self, rejection: &BreakerRejection<'_>) {
        let instance = self.instance(rejection.endpoint);
        let fields = of_trace(Fields::default(), trace::present());
        component("breaker", &instance, "rejected", fields);
    }
}

impl saga::Observer for Hooks {
    fn event(&self, saga: &str, definition: &str, step: Option<&str>, event: &LogEvent) {
        let mut fields = Fields::default().with("definition", definition);
        if let Some(step) = step {
            fields = fields.with("step", step);
        }
        match event {
            LogEvent::Failed {
                perhaps_done,
                because,
                ..
            } => {
                fields = fields
                    .with("perhaps-done", *perhaps_done)
                    .with("because", because.as_str());
            }
            LogEvent::UndoFailed { because, .. } => {
                fields = fields.with("because", because.as_str());
            }
            LogEvent::Ended(end) => {
                fields = fields.with("outcome", end.word());
                if let saga::End::Parked { step, because } = end {
                    tracing::error!(target: "alarm", saga, step, because, "saga parked");
                }
            }
            _ => {}
        }
        let fields = of_trace(fields, trace::present());
        component("saga", saga, event.word(), fields);
    }
}
