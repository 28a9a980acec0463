//! What the durable log says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a saga ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end")]
pub enum End {
    /// All steps happened.
    Done,
    /// Nothing of it remains.
    Undone {
        /// What made it turn back.
        because: String,
    },
    /// An undo did not succeed: somebody has to look.
    Parked {
        /// The step whose undo failed.
        step: String,
        /// How it failed.
        because: String,
    },
}

impl End {
    /// The end in a word: `done`, `undone`, `parked`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Undone { .. } => "undone",
            Self::Parked { .. } => "parked",
        }
    }
}

/// An event of a saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum LogEvent {
    /// The saga begins.
    Begun {
        /// Which steps it has.
        definition: String,
        /// What it is given.
        input: Value,
        /// The trace of the request that began it, in which it goes on after a crash as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
    },
    /// A step's effect is about to be tried.
    Started {
        /// The step.
        step: usize,
    },
    /// The effect happened.
    Succeeded {
        /// The step.
        step: usize,
        /// What it gave.
        output: Value,
    },
    /// The effect did not happen, or perhaps did: the saga turns back.
    Failed {
        /// The step.
        step: usize,
        /// Whether it may have happened.
        perhaps_done: bool,
        /// How it failed.
        because: String,
    },
    /// A step's undo is about to be tried.
    UndoStarted {
        /// The step.
        step: usize,
    },
    /// The undo happened.
    UndoFinished {
        /// The step.
        step: usize,
    },
    /// The undo did not succeed in all its tries.
    UndoFailed {
        /// The step.
        step: usize,
        /// How it failed.
        because: String,
    },
    /// The saga ended.
    Ended(End),
}

impl LogEvent {
    /// The event in a word, as it stands in the log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Begun { .. } => "begun",
            Self::Started { .. } => "started",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::UndoStarted { .. } => "undo-started",
            Self::UndoFinished { .. } => "undo-finished",
            Self::UndoFailed { .. } => "undo-failed",
            Self::Ended(_) => "ended",
        }
    }
}

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LogRecord {
    pub saga: String,
    #[serde(flatten)]
    pub event: LogEvent,
}
