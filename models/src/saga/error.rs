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
    /// The log tells what cannot have happened.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// A record of the log is not one of ours.
    #[error("record {number} of the log is no saga event: {source}")]
    Record {
        /// Which record, from 0.
        number: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// There is no definition of this name.
    #[error("there is no saga definition called `{0}`")]
    UnknownDefinition(String),
    /// The same saga was begun before with another input.
    #[error("saga {0} was begun before with another input")]
    OtherInput(String),
    /// The orchestrator went away before the saga ended; it goes on at the next start.
    #[error("the orchestrator stopped before the saga ended")]
    Stopped,
}
