//! Rules as data, for scenario files: `rule = { always = "sum(sold) <= sum(stocked)" }`.

use crate::{
    NamedRule,
    expression::{ParseError, StateCondition, StateNumber},
    rule::Rule,
    rules::state::Quantifier,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::Span;

/// What must hold, as a table with one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum RuleSpec {
    /// A condition on the state of the world that is true after every event.
    Always(String),
    /// A condition on the state of the world that is true after no event.
    Never(String),
    /// A condition on the state of the world that is true after some event.
    Sometimes(String),
    /// A condition on the state of the world that is true at the end of the run.
    Eventually(String),
    /// A condition on the operations of the whole run: `p99(latency, after = 10s) < 800ms`.
    Threshold(String),
    /// Two numbers of the state of the world that are equal at the end of the run.
    Conserved {
        /// The one: `sum(charged) - sum(refunded)`.
        total: String,
        /// The other.
        equals: String,
    },
    /// Every saga happens as a whole or not at all, and ends.
    SagaAtomic {
        /// The time it may take after the end of the load.
        within: Span,
        /// The facts that tell of its effects, each beside the one that takes it back:
        /// `[["reserved", "released"]]`.
        effects: Vec<[String; 2]>,
    },
    /// Operations succeed again after the last fault.
    Recovers {
        /// The time it may take.
        within: Span,
        /// The share of operations that must succeed, 0 to 1.
        #[serde(default = "nearly_all")]
        success: f64,
    },
}

fn nearly_all() -> f64 {
    0.99
}

/// Why a rule cannot be read, and in which of its texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct RuleError {
    /// The key whose value is wrong: `always`, `total`, `success`.
    pub field: &'static str,
    /// What is wrong; its offsets count from the beginning of that value.
    pub error: ParseError,
}

impl RuleError {
    fn in_field(field: &'static str) -> impl Fn(ParseError) -> Self {
        move |error| Self { field, error }
    }
}

impl RuleSpec {
    /// The rule under the name `id`; a violation fails the run.
    ///
    /// # Errors
    /// If a text is no expression of the kind that is needed there, or a share is not one.
    pub fn compile(&self, id: impl Into<String>) -> Result<NamedRule, RuleError> {
        self.rule().map(|rule| NamedRule::new(id, rule))
    }

    /// The expressions in it, each with its key.
    pub fn texts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Always(text) => vec![("always", text)],
            Self::Never(text) => vec![("never", text)],
            Self::Sometimes(text) => vec![("sometimes", text)],
            Self::Eventually(text) => vec![("eventually", text)],
            Self::Threshold(text) => vec![("threshold", text)],
            Self::Conserved { total, equals } => vec![("total", total), ("equals", equals)],
            Self::SagaAtomic { .. } | Self::Recovers { .. } => Vec::new(),
        }
    }

    fn rule(&self) -> Result<Rule, RuleError> {
        Ok(match self {
            Self::Always(text) => {
                Rule::State(Quantifier::Always, Box::new(condition("always", text)?))
            }
            Self::Never(text) => {
                Rule::State(Quantifier::Never, Box::new(condition("never", text)?))
            }
            Self::Sometimes(text) => Rule::State(
                Quantifier::Sometimes,
                Box::new(condition("sometimes", text)?),
            ),
            Self::Eventually(text) => Rule::AtTheEnd(Box::new(condition("eventually", text)?)),
            Self::Threshold(text) => {
                Rule::Threshold(text.parse().map_err(RuleError::in_field("threshold"))?)
            }
            Self::Conserved { total, equals } => {
                Rule::Conserved(Box::new(equality(total, equals)?))
            }
            Self::SagaAtomic { within, effects } => {
                told_apart(effects)?;
                Rule::SagaAtomic {
                    within: *within,
                    effects: effects.clone(),
                }
            }
            Self::Recovers { within, success } => {
                share(*success)?;
                Rule::Recovers {
                    within: *within,
                    success: *success,
                }
            }
        })
    }
}

/// A saga has effects, and no fact tells of two of them.
fn told_apart(effects: &[[String; 2]]) -> Result<(), RuleError> {
    let facts: Vec<&String> = effects.iter().flatten().collect();
    let twice = facts
        .iter()
        .enumerate()
        .find(|(at, fact)| facts[..*at].contains(fact));
    let message = match twice {
        _ if facts.is_empty() => "`effects` is empty, so every saga would be whole".to_owned(),
        Some((_, fact)) => format!("`effects` names `{fact}` twice"),
        None => return Ok(()),
    };
    Err(RuleError {
        field: "effects",
        error: ParseError {
            offset: 0,
            length: 1,
            message,
            help: "write effects = [[\"reserved\", \"released\"]]".into(),
        },
    })
}

fn condition(field: &'static str, text: &str) -> Result<StateCondition, RuleError> {
    text.parse().map_err(RuleError::in_field(field))
}

/// Both are read by themselves first, so that an error points into the right one.
fn equality(total: &str, equals: &str) -> Result<StateCondition, RuleError> {
    let one: Result<StateNumber, _> = total.parse();
    one.map_err(RuleError::in_field("total"))?;
    let other: Result<StateNumber, _> = equals.parse();
    other.map_err(RuleError::in_field("equals"))?;
    // Only the keys of the two together can still be wrong.
    let both: Result<StateCondition, _> = format!("({total}) == ({equals})").parse();
    both.map_err(|error| RuleError {
        field: "equals",
        error: ParseError {
            offset: 0,
            length: equals.len().max(1),
            ..error
        },
    })
}

fn share(success: f64) -> Result<(), RuleError> {
    if (0.0..=1.0).contains(&success) {
        return Ok(());
    }
    Err(RuleError {
        field: "success",
        error: ParseError {
            offset: 0,
            length: 1,
            message: format!("`success` must be between 0 and 1 (found {success})"),
            help: String::new(),
        },
    })
}

#[cfg(test)]
mod tests;
