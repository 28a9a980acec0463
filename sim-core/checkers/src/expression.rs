//! Conditions as text, for rules in scenario files.
//!
//! ```text
//! expression = all { "or" all }
//! all        = negated { "and" negated }
//! negated    = { "not" } comparison
//! comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]
//! sum        = product { ( "+" | "-" ) product }
//! product    = signed { ( "*" | "/" ) signed }
//! signed     = [ "-" ] single
//! single     = number | duration | "(" expression ")" | question
//!            | "open" | "closed" | "half-open" | "true" | "false"
//! duration   = number unit | '"' number unit '"'            (ns us ms s m h d)
//!
//! of the state of the world (always, never, sometimes, eventually, conserved):
//! question   = ( "sum" | "count" ) "(" fact [ "," "by" "=" field ] ")"
//!            | "breaker" "(" beginning of its name, or a pattern with "*" ")"
//!            | "open-operations" "(" ")" | "faults" "(" ")"
//!            | "completed" "(" ( "ok" | "fail" | "unknown" ) ")"
//!
//! of the operations of the whole run (threshold):
//! question   = ( "p50" | "p90" | "p95" | "p99" | "p999" | "max" ) "(" "latency" window ")"
//!            | "rate" "(" ( "ok" | "fail" | "unknown" | "all" ) window ")"
//!            | "success" "(" window ")"
//! window     = { "," ( "after" | "before" ) "=" duration | "," "of" "=" operation's name }
//! ```
//!
//! **Names** may hold `-` and `->`, so a minus between two names stands between spaces.
//!
//! **For every key**: an expression with `by` is meant for each value of that field, one with
//! `breaker` for each breaker that fits. `always` wants it true for every key, `never` for none,
//! `sometimes` for some. One expression can be about one kind of key only; a sum without `by` has
//! the same value for every key. A key that a fact was never stated with counts 0.
//!
//! **Numbers** are floating-point; sums of whole numbers are exact up to 2^53. A division by zero
//! has no value, and a condition without a value is neither true nor false.

mod ast;
mod calls;
mod eval;
mod lexer;
mod parser;
mod series;
mod suggest;

pub use suggest::closest;

use ast::{Leaf, Node, Place, Type};
use std::{fmt, str::FromStr};

/// Why a text is no expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", if help.is_empty() { String::new() } else { format!(" ({help})") })]
pub struct ParseError {
    /// Where the wrong part begins, in bytes.
    pub offset: usize,
    /// How long it is, in bytes; at least 1, also at the end of the text.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead; may be empty.
    pub help: String,
}

impl ParseError {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            offset: place.offset,
            length: place.length.max(1),
            message: message.into(),
            help: String::new(),
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

/// What an expression is asked of, which decides the questions it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    State,
    Run,
}

/// What the keys of an expression are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys {
    None,
    Field(String),
    Breakers(String),
}

/// An expression that was read and checked.
#[derive(Clone, Debug, PartialEq)]
struct Expression {
    text: String,
    root: Node,
    keys: Keys,
}

impl Expression {
    fn new(text: &str, asked: Asked, wanted: Type) -> Result<Self, ParseError> {
        let root = parser::parse(text, asked)?;
        if root.of != wanted {
            let (wanted, found) = (wanted.words(), root.of.words());
            let message = format!("this is {found}, but {wanted} is needed");
            let help = match root.of {
                Type::Number | Type::Duration => "compare it with something, such as `<= 1`",
                Type::State => "compare it with `open`, `closed` or `half-open`",
                Type::Truth => "leave out the comparison",
            };
            return Err(ParseError::new(root.place, message).help(help));
        }
        let keys = keys(&root)?;
        Ok(Self {
            text: text.to_owned(),
            root,
            keys,
        })
    }
}

/// The one kind of key that all leaves agree on.
fn keys(root: &Node) -> Result<Keys, ParseError> {
    let mut keys = Keys::None;
    for (leaf, place) in root.leaves() {
        let own = match leaf {
            Leaf::Sum { by: Some(by), .. } | Leaf::Count { by: Some(by), .. } => {
                Keys::Field(by.clone())
            }
            Leaf::Breaker { pattern } => Keys::Breakers(pattern.clone()),
            _ => continue,
        };
        if keys != Keys::None && keys != own {
            let message = "one expression cannot be about two kinds of keys";
            let help = "split it into two rules";
            return Err(ParseError::new(place, message).help(help));
        }
        keys = own;
    }
    Ok(keys)
}

/// A condition on the state of the world: `sum(sold) <= sum(stocked)`.
#[derive(Clone, Debug, PartialEq)]
pub struct StateCondition(Expression);

impl FromStr for StateCondition {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Expression::new(text, Asked::State, Type::Truth).map(Self)
    }
}

impl StateCondition {
    /// The names of the facts it asks for, with offset and length of the question.
    pub fn facts(&self) -> Vec<(&str, usize, usize)> {
        facts(&self.0.root)
    }
}

/// A number that is read from the state of the world: `sum(charged) - sum(refunded)`.
#[derive(Clone, Debug, PartialEq)]
pub struct StateNumber(Expression);

impl FromStr for StateNumber {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Expression::new(text, Asked::State, Type::Number).map(Self)
    }
}

impl StateNumber {
    /// The names of the facts it asks for, with offset and length of the question.
    pub fn facts(&self) -> Vec<(&str, usize, usize)> {
        facts(&self.0.root)
    }
}

/// A condition on the operations of a whole run: `p99(latency, after = 10s) < 800ms`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCondition(Expression);

impl FromStr for RunCondition {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Expression::new(text, Asked::Run, Type::Truth).map(Self)
    }
}

impl fmt::Display for RunCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text.trim())
    }
}

fn facts(root: &Node) -> Vec<(&str, usize, usize)> {
    let leaves = root.leaves().into_iter();
    leaves
        .filter_map(|(leaf, place)| match leaf {
            Leaf::Sum { name, .. } | Leaf::Count { name, .. } => {
                Some((name.as_str(), place.offset, place.length))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
