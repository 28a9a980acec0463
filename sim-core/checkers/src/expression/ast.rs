//! What an expression is made of, each part with its type and its place in the text.

use crate::world::BreakerState;
use windtunnel_record::{Outcome, Span};

/// A stretch of the text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) length: usize,
}

impl Place {
    pub(super) fn new(offset: usize, length: usize) -> Self {
        Self { offset, length }
    }

    /// From the beginning of this to the end of `other`.
    pub(super) fn to(self, other: Self) -> Self {
        let end = other.offset + other.length;
        Self::new(self.offset, end - self.offset)
    }

    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.offset..self.offset + self.length)
            .unwrap_or("")
    }
}

/// What kind of value a part has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Duration,
    Truth,
    State,
}

impl Type {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Duration => "a duration",
            Self::Truth => "a condition",
            Self::State => "a breaker state",
        }
    }
}

/// A value. Durations are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Duration(f64),
    Truth(bool),
    State(BreakerState),
}

impl Value {
    /// The value as it would be written.
    pub(super) fn words(self) -> String {
        match self {
            Self::Number(number) => {
                let digits = format!("{number:.4}");
                let digits = digits.trim_end_matches('0').trim_end_matches('.');
                digits.to_owned()
            }
            Self::Duration(nanos) if nanos >= 1e9 => format!("{:.3}s", nanos / 1e9),
            Self::Duration(nanos) => format!("{:.3}ms", nanos / 1e6),
            Self::Truth(truth) => truth.to_string(),
            Self::State(state) => state.word().to_owned(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
    And,
    Or,
}

/// What is asked of the run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Leaf {
    /// `sum(sold)`, `sum(sold, by = item)`.
    Sum { name: String, by: Option<String> },
    /// `count(charged)`.
    Count { name: String, by: Option<String> },
    /// `breaker(orders->payments)`.
    Breaker { pattern: String },
    /// `open-operations()`.
    OpenOperations,
    /// `completed(ok)`.
    Completed(Outcome),
    /// `faults()`.
    Faults,
    /// `fault-hits()`.
    FaultHits,
    /// `gauge(in-flight)`.
    Gauge(String),
    /// `p99(latency, after = 10s)`: the quantile.
    Latency(f64, Window),
    /// `rate(ok, after = 10s)`: answers per second; `None` for all.
    Rate(Option<Outcome>, Window),
    /// `success(after = 10s)`: the share of the operations asked.
    Success(Window),
}

/// Which operations are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Window {
    pub(super) after: Span,
    pub(super) before: Option<Span>,
    pub(super) of: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) of: Type,
    pub(super) place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Constant(Value),
    Leaf(Leaf),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<[Node; 2]>),
}

impl Node {
    /// All leaves from left to right, with their places.
    pub(super) fn leaves(&self) -> Vec<(&Leaf, Place)> {
        match &self.kind {
            Kind::Constant(_) => Vec::new(),
            Kind::Leaf(leaf) => vec![(leaf, self.place)],
            Kind::Not(inner) | Kind::Negate(inner) => inner.leaves(),
            Kind::Binary(_, sides) => sides.iter().flat_map(Self::leaves).collect(),
        }
    }
}
