//! What led to a violation, told event by event: the witness's events among the faults that came
//! before.

use crate::{numbers::instant, words::Narrator};
use serde::Serialize;
use std::collections::BTreeSet;
use windtunnel_record::{Event, RuleReport, RunRecord};

/// The most lines of a story; of a longer one the last are told.
const MOST_LINES: usize = 60;

/// How one rule came to be violated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The rule.
    pub rule: String,
    /// When it broke.
    pub at: String,
    /// What is wrong.
    pub says: String,
    /// How many earlier lines were left out.
    pub left_out: usize,
    /// What happened, in order.
    pub lines: Vec<Line>,
}

/// One event of a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When.
    pub at: String,
    /// What.
    pub says: String,
    /// Whether the witness names it; else it is a fault that came before.
    pub witness: bool,
}

impl Story {
    /// Whether the witness names any of the events told.
    pub fn has_witness(&self) -> bool {
        self.lines.iter().any(|line| line.witness)
    }
}

/// The stories of all violated rules.
pub(super) fn stories(run: &RunRecord) -> Vec<Story> {
    let narrator = Narrator::new(run);
    let broken = run.rules.iter().filter(|rule| rule.witness().is_some());
    broken
        .filter_map(|rule| story(run, rule, &narrator))
        .collect()
}

fn story(run: &RunRecord, rule: &RuleReport, narrator: &Narrator<'_>) -> Option<Story> {
    let witness = rule.witness()?;
    let named: BTreeSet<usize> = witness.events.iter().map(|&index| index as usize).collect();
    let faults = run
        .events
        .iter()
        .enumerate()
        .filter(|(_, record)| record.at <= witness.at && is_turn(&record.event));
    let told: BTreeSet<usize> = faults
        .map(|(index, _)| index)
        .chain(named.iter().copied())
        .collect();
    let left_out = told.len().saturating_sub(MOST_LINES);
    let lines = told.into_iter().skip(left_out).filter_map(|index| {
        let record = run.events.get(index)?;
        Some(Line {
            at: instant(record.at),
            says: narrator.tell(&record.event),
            witness: named.contains(&index),
        })
    });
    Some(Story {
        rule: rule.id.clone(),
        at: instant(witness.at),
        says: witness.says.clone(),
        left_out,
        lines: lines.collect(),
    })
}

/// Whether an event is a turn of fortune that belongs into every story.
const fn is_turn(event: &Event) -> bool {
    matches!(
        event,
        Event::FaultBegan { .. }
            | Event::FaultEnded { .. }
            | Event::FaultHit { .. }
            | Event::Cancelled { .. }
            | Event::Panicked { .. }
            | Event::DiskLost { .. }
            | Event::DiskFailed { .. }
            | Event::OutOfMemory { .. }
            | Event::Settling {}
            | Event::Limit { .. }
    )
}
