//! What a rule read from the world: told in witnesses, and the reason to ask the rule again.

use super::World;
use std::cell::RefCell;
use windtunnel_record::Outcome;

/// One value, or table of values, that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read<T> {
    Sum(T),
    Count(T),
    SumBy(T, T),
    CountBy(T, T),
    Breaker(T),
    Open,
    Completed(Outcome),
    Faults,
    FaultHits,
    Gauge(T),
}

/// Which part of the world an event changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic<'a> {
    Fact(&'a str),
    Breakers,
    Operations,
    Faults,
    Gauge(&'a str),
}

impl<T: AsRef<str>> Read<T> {
    /// Whether a change of `topic` may change what was read.
    pub(crate) fn is_about(&self, topic: Topic<'_>) -> bool {
        match self {
            Self::Sum(name) | Self::Count(name) | Self::SumBy(name, _) | Self::CountBy(name, _) => {
                topic == Topic::Fact(name.as_ref())
            }
            Self::Breaker(_) => topic == Topic::Breakers,
            Self::Open | Self::Completed(_) => topic == Topic::Operations,
            Self::Faults | Self::FaultHits => topic == Topic::Faults,
            Self::Gauge(name) => topic == Topic::Gauge(name.as_ref()),
        }
    }

    /// The name of the fact that was read.
    pub(crate) fn fact(&self) -> Option<&str> {
        match self {
            Self::Sum(name) | Self::Count(name) | Self::SumBy(name, _) | Self::CountBy(name, _) => {
                Some(name.as_ref())
            }
            _ => None,
        }
    }

    fn same(&self, other: &Read<impl AsRef<str>>) -> bool {
        match (self, other) {
            (Self::Sum(a), Read::Sum(b))
            | (Self::Count(a), Read::Count(b))
            | (Self::Breaker(a), Read::Breaker(b))
            | (Self::Gauge(a), Read::Gauge(b)) => a.as_ref() == b.as_ref(),
            (Self::SumBy(a, x), Read::SumBy(b, y)) | (Self::CountBy(a, x), Read::CountBy(b, y)) => {
                (a.as_ref(), x.as_ref()) == (b.as_ref(), y.as_ref())
            }
            (Self::Open, Read::Open)
            | (Self::Faults, Read::Faults)
            | (Self::FaultHits, Read::FaultHits) => true,
            (Self::Completed(a), Read::Completed(b)) => a == b,
            _ => false,
        }
    }

    fn owned(&self) -> Read<String> {
        let text = |text: &T| text.as_ref().to_owned();
        match self {
            Self::Sum(name) => Read::Sum(text(name)),
            Self::Count(name) => Read::Count(text(name)),
            Self::SumBy(name, field) => Read::SumBy(text(name), text(field)),
            Self::CountBy(name, field) => Read::CountBy(text(name), text(field)),
            Self::Breaker(name) => Read::Breaker(text(name)),
            Self::Open => Read::Open,
            Self::Completed(outcome) => Read::Completed(*outcome),
            Self::Faults => Read::Faults,
            Self::FaultHits => Read::FaultHits,
            Self::Gauge(name) => Read::Gauge(text(name)),
        }
    }
}

impl Read<String> {
    /// What was read and its value now. Of a table only the row is told that the last event
    /// changed, or all rows while they are few.
    pub(crate) fn words(&self, world: &World<'_>) -> String {
        match self {
            Self::Sum(name) => format!("sum({name}) = {}", world.sum(name)),
            Self::Count(name) => format!("count({name}) = {}", world.count(name)),
            Self::SumBy(name, field) => {
                format!(
                    "sum({name}, by = {field}){}",
                    rows(world, field, world.sum_by(name, field))
                )
            }
            Self::CountBy(name, field) => {
                let rows = rows(world, field, world.count_by(name, field));
                format!("count({name}, by = {field}){rows}")
            }
            Self::Breaker(name) => {
                format!("breaker({name}) = {}", world.breaker(name).word())
            }
            Self::Open => format!("open operations = {}", world.open_operations()),
            Self::Completed(outcome) => {
                format!("operations {outcome:?} = {}", world.completed(*outcome)).to_lowercase()
            }
            Self::FaultHits => format!("faults that hit = {}", world.fault_hits()),
            Self::Faults => format!("faults on = {}", world.faults()),
            Self::Gauge(name) => format!("gauge({name}) = {}", world.gauge(name)),
        }
    }
}

fn rows(world: &World<'_>, field: &str, table: &std::collections::BTreeMap<String, i64>) -> String {
    let changed = world
        .changed()
        .and_then(|(_, fields)| super::key_of(fields.get(field)?));
    if let Some((key, value)) = changed.and_then(|key| table.get_key_value(&key)) {
        return format!(" at {key} = {value}");
    }
    let few: Vec<String> = table
        .iter()
        .take(4)
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    let more = if table.len() > few.len() { ", .." } else { "" };
    format!(" = {{{}{more}}}", few.join(", "))
}

/// The reads since the last take, each once, in order.
#[derive(Debug, Default)]
pub(super) struct Reads(RefCell<Vec<Read<String>>>);

impl Reads {
    pub(super) fn note(&self, read: Read<&str>) {
        let mut reads = self.0.borrow_mut();
        if !reads.iter().any(|known| known.same(&read)) {
            reads.push(read.owned());
        }
    }

    pub(super) fn take(&self) -> Vec<Read<String>> {
        self.0.take()
    }
}
