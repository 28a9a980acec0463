//! The two rules every run has: no task panics, and nothing reaches outside the simulation.

use super::Judged;
use crate::Evidence;
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

fn first_and_more(evidence: &Evidence<'_>, words: impl Fn(&Event) -> Option<String>) -> Judged {
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
