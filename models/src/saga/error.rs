//! What can go wrong with sagas.

use crate::journal::JournalError;

/// An event that cannot follow what the log says of its saga.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("saga {saga}: `{event}` cannot follow `{after}`")]
pub struct IllegalTransition {
    /// The saga.
    pub saga: String,
    /// The event.
    pub event: String,
    /// The state it does not fit.
    pub after: String,
}

/// Why the orchestrator cannot do its work; completes "failed to run the saga: ...".
#[derive(Debug, thiserror::Error)]
pub enum SagaError {
    /// The log cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An event that cannot follow was about to be logged: a mistake of the orchestrator.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The log tells what cannot have happened.
    #[error("byte {offset} of the log tells the impossible: {source}")]
    Impossible {
        /// Where the record begins.
        offset: u64,
        /// What cannot have happened.
        source: IllegalTransition,
    },
    /// A record of the log is not one of ours.
    #[error("the record at byte {offset} of the log is no saga event: {source}")]
    Record {
        /// Where the record begins.
        offset: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An event cannot be put into words.
    #[error("an event cannot be written: {0}")]
    Unwritable(serde_json::Error),
    /// There is no definition of this name.
    #[error("there is no saga definition called `{0}`")]
    UnknownDefinition(String),
    /// The log speaks of a step that the definition does not have.
    #[error("saga {saga} is at step {step}, which its definition does not have")]
    UnknownStep {
        /// The saga.
        saga: String,
        /// The step, from 0.
        step: usize,
    },
    /// The same saga was begun before with another input.
    #[error("saga {0} was begun before with another input")]
    OtherInput(String),
    /// The orchestrator went away before the saga ended; it goes on at the next start.
    #[error("the orchestrator stopped before the saga ended")]
    Stopped,
}
