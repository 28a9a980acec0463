//! Conditions on the state of the world: `always`, `never`, and `sometimes` over state.
//!
//! All of them are judged in one pass over the events. A condition is a pure function of what it
//! reads, so it is asked again only after an event that changed one of the values it read last.
//! What this does not verify: anything between two events, and facts that nobody stated.

use super::{Judged, eventually, faults};
use crate::{
    Evidence,
    world::{Read, Topic, World, key_of},
};
use windtunnel_record::{Event, Moment, Reason, Verdict, Witness};

/// Events in a witness, at most.
const MOST_EVENTS: usize = 16;

/// How a condition is meant over the events of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// True after every event.
    Always,
    /// True after no event.
    Never,
    /// True after some event.
    Sometimes,
}

impl Quantifier {
    /// Its word in scenarios and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Sometimes => "sometimes",
        }
    }
}

/// What a condition found, with the words for a witness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Whether the condition is true (for some key, when looking for truth) or not.
    pub truth: bool,
    /// What it looked at, in words; empty to tell what was read.
    pub says: String,
    /// The field and the key that decided, for a condition that is meant for every key.
    pub key: Option<(String, String)>,
}

/// A pure condition on the state of the world.
pub trait Condition: Send {
    /// Looks for a key (or simply the state) under which the condition is `wanted`. The result's
    /// truth is `wanted` if there is one. `fresh` is false if the condition was asked before and
    /// only the last event lies in between.
    fn find(&self, world: &World<'_>, wanted: bool, fresh: bool) -> Finding;
}

impl<F: Fn(&World<'_>) -> bool + Send> Condition for F {
    fn find(&self, world: &World<'_>, _wanted: bool, _fresh: bool) -> Finding {
        Finding {
            truth: self(world),
            ..Finding::default()
        }
    }
}

/// One condition on its way through the events.
pub(crate) struct Watch<'r> {
    quantifier: Quantifier,
    condition: &'r dyn Condition,
    reads: Option<Vec<Read<String>>>,
    evaluated: u64,
    decided: Option<Verdict>,
}

impl<'r> Watch<'r> {
    pub(crate) fn new(quantifier: Quantifier, condition: &'r dyn Condition) -> Self {
        Self {
            quantifier,
            condition,
            reads: None,
            evaluated: 0,
            decided: None,
        }
    }

    /// Whether a change of `topic` can change the answer.
    pub(crate) fn cares(&self, topic: Topic<'_>) -> bool {
        let concerned = |reads: &Vec<Read<String>>| reads.iter().any(|read| read.is_about(topic));
        self.decided.is_none() && self.reads.as_ref().is_none_or(concerned)
    }

    /// Asks the condition after the last event of `world`.
    pub(crate) fn ask(&mut self, world: &World<'_>, evidence: &Evidence<'_>) {
        let wanted = self.quantifier != Quantifier::Always;
        world.take_reads();
        let finding = self.condition.find(world, wanted, self.reads.is_none());
        let reads = world.take_reads();
        self.evaluated += 1;
        if finding.truth == wanted {
            self.decided = Some(match self.quantifier {
                Quantifier::Sometimes => Verdict::Held,
                quantifier => {
                    Verdict::Violated(witness(quantifier, &finding, &reads, world, evidence))
                }
            });
        }
        self.reads = Some(reads);
    }

    /// The answer after the last event.
    pub(crate) fn judged(self) -> Judged {
        let undecided = match self.quantifier {
            Quantifier::Sometimes => Verdict::Unknown(Reason::NotMet),
            Quantifier::Always | Quantifier::Never => Verdict::Held,
        };
        Judged::new(self.decided.unwrap_or(undecided), self.evaluated)
    }
}

fn witness(
    quantifier: Quantifier,
    finding: &Finding,
    reads: &[Read<String>],
    world: &World<'_>,
    evidence: &Evidence<'_>,
) -> Witness {
    let seen = seen(finding, reads, world);
    let problem = match quantifier {
        Quantifier::Always => "no longer holds",
        Quantifier::Never | Quantifier::Sometimes => "came true",
    };
    let says = if seen.is_empty() {
        format!("{problem} (it reads nothing)")
    } else {
        format!("{problem}: {seen}")
    };
    let faults = faults::words(evidence, Moment::START, world.at());
    let says = says + &faults.replacen("meanwhile", "so far", 1);
    let mut events = shown(finding, reads, world, evidence);
    let breaking = world.events() - 1;
    if events.last() != Some(&breaking) {
        events.push(breaking);
    }
    Witness::new(world.at(), says).with_events(events)
}

/// What the condition looked at, in words.
fn seen(finding: &Finding, reads: &[Read<String>], world: &World<'_>) -> String {
    if !finding.says.is_empty() {
        return finding.says.clone();
    }
    let values: Vec<String> = reads.iter().map(|read| read.words(world)).collect();
    values.join(", ")
}

/// The positions of the events that show it: all facts about the key that decided, or the last fact
/// of each name that was read.
fn shown(
    finding: &Finding,
    reads: &[Read<String>],
    world: &World<'_>,
    evidence: &Evidence<'_>,
) -> Vec<u64> {
    let names: Vec<&str> = reads.iter().filter_map(Read::fact).collect();
    let mut events: Vec<u64> = match &finding.key {
        Some((field, key)) => {
            let before = evidence.events.iter().take(world.events() as usize);
            let about_key = before
                .enumerate()
                .filter(|(_, record)| match &record.event {
                    Event::Observed { name, fields, .. } => {
                        names.contains(&name.as_str())
                            && fields.get(field).and_then(key_of).as_ref() == Some(key)
                    }
                    _ => false,
                });
            about_key.map(|(position, _)| position as u64).collect()
        }
        None => names
            .iter()
            .filter_map(|name| world.last_of(name))
            .collect(),
    };
    events.sort_unstable();
    events.dedup();
    events.split_off(events.len().saturating_sub(MOST_EVENTS))
}

/// The verdict of a condition that is asked once, of the `world` at the end of the run; `problem`
/// tells what it means when it is false. Unknown for a run that was stopped early.
pub(crate) fn at_the_end(
    problem: &str,
    condition: &dyn Condition,
    world: &World<'_>,
    evidence: &Evidence<'_>,
) -> Judged {
    if let Some(reason) = evidence.unfinished() {
        return Judged::unknown(reason);
    }
    world.take_reads();
    let finding = condition.find(world, false, true);
    let reads = world.take_reads();
    if finding.truth {
        return Judged::new(Verdict::Held, 1);
    }
    let seen = seen(&finding, &reads, world);
    let faults = faults::words(evidence, Moment::START, evidence.end);
    let says = format!("{problem}: {seen}{faults}");
    let events = shown(&finding, &reads, world, evidence);
    let pending = evidence.history().pending().into_iter();
    let witness = Witness::new(evidence.end, says)
        .with_events(events)
        .with_pending(pending.map(eventually::words));
    Judged::new(Verdict::Violated(witness), 1)
}
