//! What a log says of the sagas in it.

use super::{
    error::SagaError,
    log::{LogEvent, LogRecord},
    observer::Observer,
    progress::Progress,
};
use crate::journal::framed_length;
use serde_json::Value;
use std::collections::BTreeMap;

/// The sagas of a log.
#[derive(Default)]
pub(super) struct History {
    /// How far each is.
    pub sagas: BTreeMap<String, Progress>,
    /// The ended ones in the order in which they ended.
    pub ended: Vec<String>,
}

/// How far each saga of a log is.
///
/// An ended saga may begin again: that is what a request for a forgotten one does.
pub(super) fn replay(records: &[Vec<u8>], observer: &dyn Observer) -> Result<History, SagaError> {
    let mut sagas: BTreeMap<String, Progress> = BTreeMap::new();
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut offset = 0;
    for record in records {
        let LogRecord { saga, event } = serde_json::from_slice(record)
            .map_err(|source| SagaError::Record { offset, source })?;
        observer.found(&saga, &event);
        if let LogEvent::Ended(_) = event {
            ends.insert(saga.clone(), offset);
        }
        match (sagas.get_mut(&saga), event) {
            (
                None,
                LogEvent::Begun {
                    definition,
                    input,
                    trace,
                },
            ) => {
                let begun = Progress::begun(definition, input);
                sagas.insert(saga, Progress { trace, ..begun });
            }
            (
                Some(progress),
                LogEvent::Begun {
                    definition,
                    input,
                    trace,
                },
            ) if progress.end.is_some() => {
                ends.remove(&saga);
                let begun = Progress::begun(definition, input);
                *progress = Progress { trace, ..begun };
            }
            (Some(progress), event) => take(progress, &saga, &event, offset)?,
            (None, event) => {
                let mut unknown = Progress::begun(String::new(), Value::Null);
                take(&mut unknown, &saga, &event, offset)?;
            }
        }
        offset += framed_length(record);
    }
    let mut ended: Vec<_> = ends.into_iter().collect();
    ended.sort_by_key(|(_, offset)| *offset);
    let ended = ended.into_iter().map(|(saga, _)| saga).collect();
    Ok(History { sagas, ended })
}

fn take(
    progress: &mut Progress,
    saga: &str,
    event: &LogEvent,
    offset: u64,
) -> Result<(), SagaError> {
    progress
        .apply(saga, event)
        .map_err(|source| SagaError::Impossible { offset, source })
}
