//! Three answers and a witness: held, violated (with the reason to believe it), unknown.

use crate::quantity::Moment;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a rule says of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It held.
    Held,
    /// It was broken, as the witness shows.
    Violated(Witness),
    /// The run does not tell.
    Unknown(Reason),
}

/// The smallest part of a run that shows a violation, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Witness {
    /// When the rule broke.
    pub at: Moment,
    /// What is wrong, in one sentence that names the things involved.
    pub says: String,
    /// The positions, among the kept events, of those that show it.
    pub events: Vec<u64>,
    /// For a liveness rule: what never came to its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
}

impl Witness {
    /// A witness that says `says` of the instant `at`.
    pub fn new(at: Moment, says: impl Into<String>) -> Self {
        Self {
            at,
            says: says.into(),
            events: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// The same with the events that show it.
    #[must_use]
    pub fn with_events(mut self, events: impl IntoIterator<Item = u64>) -> Self {
        self.events.extend(events);
        self
    }

    /// The same with what is pending.
    #[must_use]
    pub fn with_pending(mut self, pending: impl IntoIterator<Item = String>) -> Self {
        self.pending.extend(pending);
        self
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A `sometimes` rule was not met in this run.
    NotMet,
    /// The run was stopped before the rule could be judged.
    StoppedEarly(String),
    /// The rule says nothing about a run like this.
    NotApplicable(String),
    /// Deciding would have taken more than the checker's limit.
    TooLarge(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMet => f.write_str("it never happened in this run"),
            Self::StoppedEarly(why) => write!(f, "the run was stopped too early: {why}"),
            Self::NotApplicable(why) => write!(f, "it says nothing about this run: {why}"),
            Self::TooLarge(why) => write!(f, "deciding it takes too long: {why}"),
        }
    }
}

/// What came of one rule in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleReport {
    /// The rule's name.
    pub id: String,
    /// Its kind: `always`, `saga-atomic`.
    pub kind: String,
    /// What came out.
    pub verdict: Verdict,
    /// How often it was evaluated.
    pub evaluated: u64,
    /// Whether a violation fails the run (`error`) or is only told (`warning`).
    #[serde(default)]
    pub severity: Severity,
}

/// How much a violation weighs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It fails the run.
    #[default]
    Error,
    /// It is told.
    Warning,
}

impl RuleReport {
    /// Whether this is a violation that fails the run.
    pub fn fails(&self) -> bool {
        self.severity == Severity::Error && matches!(self.verdict, Verdict::Violated(_))
    }

    /// Whether this is a `sometimes` rule that was not met.
    pub fn is_unmet(&self) -> bool {
        self.verdict == Verdict::Unknown(Reason::NotMet)
    }

    /// The witness of a violation.
    pub fn witness(&self) -> Option<&Witness> {
        match &self.verdict {
            Verdict::Violated(witness) => Some(witness),
            _ => None,
        }
    }
}
