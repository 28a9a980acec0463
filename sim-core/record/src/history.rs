//! What clients asked and what they know came of it.

use crate::{
    event::{Event, Record, Text},
    quantity::{Moment, Span},
    trace::TraceId,
};
use serde::{Deserialize, Serialize};

/// What the client knows of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Outcome {
    /// It happened.
    Ok = 1,
    /// It certainly did not happen.
    Fail = 2,
    /// It may or may not have happened: a timeout, a lost connection.
    Unknown = 3,
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// Its number in the run.
    pub operation: u64,
    /// The client's host.
    pub client: u32,
    /// What was asked.
    pub name: Text,
    /// On what.
    pub key: Text,
    /// When it was asked (its scheduled instant, so that stalls are not hidden).
    pub invoked: Moment,
    /// When the answer came; absent while it is pending.
    pub completed: Option<Moment>,
    /// What the client knows; absent while it is pending.
    pub outcome: Option<Outcome>,
    /// A status, a value or an error in short.
    pub detail: Text,
    /// The trace id that its requests carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
}

impl Operation {
    /// How long the answer took.
    pub fn latency(&self) -> Option<Span> {
        self.completed.map(|end| end.since(self.invoked))
    }
}

/// All operations of a run in the order of their invocation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History {
    /// The operations.
    pub operations: Vec<Operation>,
}

impl History {
    /// Folds events into operations. Operation numbers are dense from 0 in invocation order.
    pub fn from_events(events: &[Record]) -> Self {
        let mut operations: Vec<Operation> = Vec::new();
        for Record { at, event } in events {
            match event {
                Event::Invoked {
                    operation,
                    client,
                    name,
                    key,
                } => operations.push(Operation {
                    operation: *operation,
                    client: *client,
                    name: name.clone(),
                    key: key.clone(),
                    invoked: *at,
                    completed: None,
                    outcome: None,
                    detail: Text::default(),
                    trace: None,
                }),
                Event::Completed {
                    operation,
                    outcome,
                    detail,
                } => {
                    if let Some(found) = numbered(&mut operations, *operation) {
                        found.completed = Some(*at);
                        found.outcome = Some(*outcome);
                        found.detail = detail.clone();
                    }
                }
                Event::Traced { operation, trace } => {
                    if let Some(found) = numbered(&mut operations, *operation) {
                        found.trace = Some(*trace);
                    }
                }
                _ => {}
            }
        }
        Self { operations }
    }

    /// The operations without an answer.
    pub fn pending(&self) -> Vec<&Operation> {
        self.operations
            .iter()
            .filter(|operation| operation.outcome.is_none())
            .collect()
    }
}

fn numbered(operations: &mut [Operation], number: u64) -> Option<&mut Operation> {
    let found = operations.get_mut(number as usize);
    found.filter(|found| found.operation == number)
}
