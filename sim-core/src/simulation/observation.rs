//! From `tracing` to the record: events with target `observe` become facts, and for `replay --log`
//! all others are printed with simulated time and host. Neither changes a run.

use super::simulated as simulation;
use std::fmt::Write as _;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};
use tracing_subscriber::filter::Targets;
use windtunnel_record::{Fields, Moment, Text, Value};

/// The target of events that state facts.
const FACTS: &str = "observe";

/// Makes this thread's `tracing` events go to the record, and those that `log` selects to standard
/// error.
pub(crate) fn install(log: Option<Targets>) -> DefaultGuard {
    tracing::subscriber::set_default(Observation {
        log: log.unwrap_or_default(),
    })
}

struct Observation {
    log: Targets,
}

impl Observation {
    fn is_shown(&self, metadata: &Metadata<'_>) -> bool {
        self.log.would_enable(metadata.target(), metadata.level())
            && !metadata.target().starts_with("madsim")
    }
}

impl Subscriber for Observation {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && (metadata.target() == FACTS || self.is_shown(metadata))
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Collected::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        if self.is_shown(metadata) {
            print(metadata.level(), metadata.target(), &fields);
        }
        if metadata.target() == FACTS {
            let name = fields
                .what
                .or(fields.message)
                .unwrap_or_else(|| "fact".into());
            simulation::observed(&name, Fields(fields.others));
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The fields of one event: what it is called by `what` or its message, and the rest.
#[derive(Default)]
struct Collected {
    what: Option<Text>,
    message: Option<Text>,
    others: Vec<(Text, Value)>,
}

impl Collected {
    fn take(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("what", Value::Text(text)) => self.what = Some(text),
            ("message", Value::Text(text)) => self.message = Some(text),
            (name, value) => self.others.push((name.into(), value)),
        }
    }
}

impl Visit for Collected {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, Value::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(
            field,
            i64::try_from(value).map_or(Value::Real(value as f64), Value::Int),
        );
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, Value::Real(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, Value::Flag(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, Value::Text(value.into()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.take(field, Value::Text(format!("{value:?}").into()));
    }
}

fn print(level: &Level, target: &str, fields: &Collected) {
    let (at, host) = simulation::whereabouts().unwrap_or_else(|| (0, "-".into()));
    let mut line = format!(
        "{:>14} {level:>5} {host} {target}:",
        Moment::from_nanos(at).to_string()
    );
    for text in fields.what.iter().chain(&fields.message) {
        let _ = write!(line, " {text}");
    }
    for (name, value) in &fields.others {
        let _ = match value {
            Value::Flag(value) => write!(line, " {name}={value}"),
            Value::Int(value) => write!(line, " {name}={value}"),
            Value::Real(value) => write!(line, " {name}={value}"),
            Value::Text(value) => write!(line, " {name}={value}"),
        };
    }
    eprintln!("{line}");
}
