//! The faults of a run, in the words of a witness.

use crate::Evidence;
use windtunnel_record::{Event, Moment};

/// `; faults meanwhile: storm (power-loss)`: those that were on at some time from `from` to `to`;
/// empty if there was none.
pub(crate) fn words(evidence: &Evidence<'_>, from: Moment, to: Moment) -> String {
    let mut on: Vec<(&str, &str)> = Vec::new();
    for record in evidence.events {
        match &record.event {
            _ if record.at > to => break,
            Event::FaultBegan { fault, kind, .. } => on.push((fault, kind)),
            Event::FaultEnded { fault } if record.at < from => {
                on.retain(|(known, _)| known != fault);
            }
            _ => {}
        }
    }
    if on.is_empty() {
        return String::new();
    }
    let words: Vec<String> = on
        .iter()
        .map(|(fault, kind)| format!("{fault} ({kind})"))
        .collect();
    format!("; faults meanwhile: {}", words.join(", "))
}

/// When the last fault ended; none if no fault ever began.
pub(crate) fn last_end(evidence: &Evidence<'_>) -> Option<Moment> {
    let of_faults = evidence.events.iter().rev();
    let last = of_faults.filter(|record| {
        matches!(
            record.event,
            Event::FaultEnded { .. } | Event::FaultBegan { .. }
        )
    });
    last.map(|record| record.at).next()
}
