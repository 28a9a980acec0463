//! `saga-atomic`: every saga happens as a whole or not at all, and comes to an end.
//!
//! Read from facts with a field `saga`: `saga-begun`, `saga-ended` (with `outcome` done, undone or
//! parked), and the effects that the rule names, each beside the fact that takes it back. A saga that
//! ended *done* has all effects and none of them undone; one that ended *undone* has each of its effects undone as often as it happened; a *parked* one waits for
//! people, and nothing is demanded of it. Every saga ends within a time after the end of the load.
//! Effects are counted over the whole run, so one that arrives after the end of its saga counts
//! too.
//!
//! What this does not verify: that an effect happened only once (write `count(charged, by = order)
//! <= 1`), the order of the steps, amounts, and effects that nobody stated.

use super::{Judged, faults};
use crate::{Evidence, world::key_of};
use std::collections::BTreeMap;
use windtunnel_record::{Event, Fields, Moment, Reason, Span, Verdict, Witness};

/// Facts that tell of effects, each beside the one that takes it back.
pub type Effects = [[String; 2]];

/// What the facts say of one saga.
struct Saga {
    begun: Option<Moment>,
    ended: Option<(String, Moment)>,
    other_end: Option<String>,
    /// How often each effect happened, and how often it was taken back.
    done: Vec<i64>,
    undone: Vec<i64>,
    events: Vec<u64>,
}

impl Saga {
    fn new(effects: &Effects) -> Self {
        Self {
            begun: None,
            ended: None,
            other_end: None,
            done: vec![0; effects.len()],
            undone: vec![0; effects.len()],
            events: Vec::new(),
        }
    }

    fn take(
        &mut self,
        effects: &Effects,
        (name, fields): (&str, &Fields),
        at: Moment,
        position: u64,
    ) {
        let told = |pair: &[String; 2]| pair.iter().any(|fact| fact == name);
        let effect = effects.iter().position(told);
        match (name, effect) {
            ("saga-ended", _) => {
                let outcome = fields.text("outcome").unwrap_or("?").to_owned();
                if let Some((before, _)) = self.ended.take()
                    && before != outcome
                    && before != "parked"
                {
                    self.other_end = Some(before);
                }
                self.ended = Some((outcome, at));
            }
            ("saga-begun", _) => {}
            (_, Some(effect)) if name == effects[effect][0] => self.done[effect] += 1,
            (_, Some(effect)) => self.undone[effect] += 1,
            _ => return,
        }
        self.begun.get_or_insert(at);
        self.events.push(position);
    }

    /// What is half done about it, in words.
    fn half_done(&self, effects: &Effects) -> Option<String> {
        let (outcome, _) = self.ended.as_ref()?;
        if let Some(other) = &self.other_end {
            return Some(format!("ended {other} and then {outcome}"));
        }
        let effects = effects.iter().zip(self.done.iter().zip(&self.undone));
        let wrong: Vec<String> = effects
            .filter_map(
                |([doing, undoing], (done, undone))| match outcome.as_str() {
                    "done" if *done == 0 => Some(format!("never {doing}")),
                    "done" if *undone > 0 => Some(format!("yet {undoing}")),
                    "undone" if done > undone && *undone == 0 => {
                        Some(format!("{doing} and never {undoing}"))
                    }
                    "undone" if done > undone => {
                        Some(format!("{doing} {done} times and {undoing} {undone} times"))
                    }
                    "done" | "undone" | "parked" => None,
                    _ => Some("an outcome that is none of done, undone, parked".to_owned()),
                },
            )
            .collect();
        let first = wrong.first()?;
        let says = if first.starts_with("an outcome") {
            first.clone()
        } else {
            wrong.join(", ")
        };
        Some(format!("ended {outcome} but {says}"))
    }
}

pub(crate) fn judge(within: Span, effects: &Effects, evidence: &Evidence<'_>) -> Judged {
    if let Some(reason) = evidence.unfinished() {
        return Judged::unknown(reason);
    }
    let sagas = fold(effects, evidence);
    if sagas.is_empty() {
        let why = "no fact tells of a saga".to_owned();
        return Judged::unknown(Reason::NotApplicable(why));
    }
    let evaluated = sagas.len() as u64;
    let broken = half_done(&sagas, effects, evidence).or_else(|| unended(&sagas, within, evidence));
    Judged::new(broken.map_or(Verdict::Held, Verdict::Violated), evaluated)
}

fn fold(effects: &Effects, evidence: &Evidence<'_>) -> BTreeMap<String, Saga> {
    let mut sagas: BTreeMap<String, Saga> = BTreeMap::new();
    for (position, record) in evidence.events.iter().enumerate() {
        let Event::Observed { name, fields, .. } = &record.event else {
            continue;
        };
        let told = name.starts_with("saga-") || effects.iter().flatten().any(|one| one == name);
        let saga = fields.get("saga").and_then(key_of).filter(|_| told);
        if let Some(saga) = saga {
            let saga = sagas.entry(saga).or_insert_with(|| Saga::new(effects));
            saga.take(effects, (name, fields), record.at, position as u64);
        }
    }
    sagas
}

/// The first saga, by its last event, that is neither whole nor gone.
fn half_done(
    sagas: &BTreeMap<String, Saga>,
    effects: &Effects,
    evidence: &Evidence<'_>,
) -> Option<Witness> {
    let broken = sagas
        .iter()
        .filter_map(|(id, saga)| Some((saga.events.last()?, id, saga, saga.half_done(effects)?)));
    let all: Vec<_> = broken.collect();
    let (last, id, saga, problem) = all.iter().min_by_key(|(last, ..)| **last)?;
    let at = evidence.events[**last as usize].at;
    let others = match all.len() {
        1 => String::new(),
        more => format!(" (and {} more sagas)", more - 1),
    };
    let story: Vec<String> = saga.events.iter().map(|at| fact(*at, evidence)).collect();
    let faults = faults::words(evidence, saga.begun.unwrap_or(at), at);
    let says = format!("saga {id} {problem}{others}: {}{faults}", story.join(", "));
    Some(Witness::new(at, says).with_events(saga.events.iter().copied()))
}

/// `charged (order=7, amount=3) on payments-0 at 3.200s`.
fn fact(position: u64, evidence: &Evidence<'_>) -> String {
    let record = &evidence.events[position as usize];
    let Event::Observed { host, name, fields } = &record.event else {
        return String::new();
    };
    let told = fields.0.iter().filter(|(field, _)| field != "saga");
    let told: Vec<String> = told
        .filter_map(|(field, value)| Some(format!("{field}={}", key_of(value)?)))
        .collect();
    let told = match told.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    format!(
        "{name}{told} on {} at {}",
        evidence.topology.name(*host),
        record.at
    )
}

/// The sagas that did not end in time.
fn unended(
    sagas: &BTreeMap<String, Saga>,
    within: Span,
    evidence: &Evidence<'_>,
) -> Option<Witness> {
    let deadline = evidence.load_end + within;
    let late: Vec<(&String, &Saga)> = sagas
        .iter()
        .filter(|(_, saga)| saga.ended.as_ref().is_none_or(|(_, at)| *at > deadline))
        .collect();
    let (first, saga) = late.iter().min_by_key(|(_, saga)| saga.begun)?;
    let begun = saga.begun.unwrap_or_default();
    let says = format!(
        "{} of {} sagas had not ended {within} after the end of the load; the first, {first}, \
         began at {begun}{}",
        late.len(),
        sagas.len(),
        faults::words(evidence, begun, evidence.load_end),
    );
    let pending = late.iter().map(|(id, saga)| {
        let begun = saga.begun.unwrap_or_default();
        match &saga.ended {
            Some((outcome, at)) => format!("saga {id}, begun at {begun}, {outcome} only at {at}"),
            None => format!("saga {id}, begun at {begun}, never ended"),
        }
    });
    let witness = Witness::new(deadline.min(evidence.end), says);
    let events = saga.events.iter().copied();
    Some(witness.with_events(events).with_pending(pending))
}

#[cfg(test)]
mod tests;
