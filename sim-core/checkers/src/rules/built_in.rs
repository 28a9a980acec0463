//! The rules every run has: no task panics, no service gives up by itself, and nothing reaches
//! outside the simulation.

use super::Judged;
use crate::Evidence;
use std::collections::BTreeSet;
use windtunnel_record::{Event, Verdict, Witness};

/// A panic of any task of any process; later ones are counted in the words.
pub(crate) fn no_panic(evidence: &Evidence<'_>) -> Judged {
    first_and_more(evidence, |event| match event {
        Event::Panicked {
            host,
            spawned,
            message,
        } => Some(format!(
            "a task of {} spawned at {spawned} panicked: {message}",
            evidence.topology.name(*host)
        )),
        _ => None,
    })
}

/// A `main` that ended with an error while no fault was on. During a fault it is told by what follows:
/// whether the service comes back is for rules of the scenario.
pub(crate) fn no_failed_main(evidence: &Evidence<'_>) -> Judged {
    let mut on: BTreeSet<&str> = BTreeSet::new();
    first_and_more(evidence, |event| match event {
        Event::FaultBegan { fault, .. } => {
            on.insert(fault);
            None
        }
        Event::FaultEnded { fault } => {
            on.remove(fault.as_str());
            None
        }
        Event::Component {
            host,
            component,
            what,
            fields,
            ..
        } if component == "process" && what == "failed" && on.is_empty() => {
            let error = fields.text("error").unwrap_or_default();
            let name = evidence.topology.name(*host);
            Some(format!("the main of {name} ended with an error: {error}"))
        }
        _ => None,
    })
}

/// Anything that cannot be simulated faithfully.
pub(crate) fn sealed(evidence: &Evidence<'_>) -> Judged {
    first_and_more(evidence, |event| match event {
        Event::Refused { host, what } => Some(format!(
            "{} reached outside the simulation: {what}",
            evidence.topology.name(*host)
        )),
        _ => None,
    })
}

fn first_and_more<'e>(
    evidence: &Evidence<'e>,
    mut words: impl FnMut(&'e Event) -> Option<String>,
) -> Judged {
    let found: Vec<(u64, &_, String)> = evidence
        .events
        .iter()
        .enumerate()
        .filter_map(|(position, record)| {
            words(&record.event).map(|words| (position as u64, record, words))
        })
        .collect();
    let evaluated = evidence.events.len() as u64;
    let Some((_, first, says)) = found.first() else {
        return Judged::new(Verdict::Held, evaluated);
    };
    let says = match found.len() {
        1 => says.clone(),
        all => format!("{says} (and {} more)", all - 1),
    };
    let shown = found.iter().take(16).map(|(position, ..)| *position);
    let witness = Witness::new(first.at, says).with_events(shown);
    Judged::new(Verdict::Violated(witness), evaluated)
}
