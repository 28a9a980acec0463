//! What has happened so far, in numbers: the fold over events that rules of state are asked about.

mod facts;
mod reads;

pub use facts::AMOUNT;
pub(crate) use {
    facts::key_of,
    reads::{Read, Topic},
};

use facts::{Facts, Table};
use reads::Reads;
use std::{collections::BTreeMap, fmt, ops::Bound};
use windtunnel_record::{Event, Fields, Moment, Outcome, Record};

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// A few trials pass.
    HalfOpen,
}

impl BreakerState {
    /// The state's word in expressions and witnesses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// The state of the world after some of the events of a run. It remembers what is read from it, so
/// that a witness can give the values a rule looked at and a rule is asked again only when one of
/// them changed.
#[derive(Default)]
pub struct World<'e> {
    events: &'e [Record],
    /// How many of them have happened.
    happened: usize,
    facts: BTreeMap<&'e str, Facts<'e>>,
    breakers: BTreeMap<&'e str, BreakerState>,
    open: i64,
    completed: [i64; 3],
    faults: i64,
    fault_hits: i64,
    /// The last reading of each gauge, by host.
    gauges: BTreeMap<&'e str, BTreeMap<u32, i64>>,
    reads: Reads,
}

/// What nobody has stated yet.
static NOTHING: Table = Table::new();

impl<'e> World<'e> {
    /// The state after all of `events`.
    pub fn after(events: &'e [Record]) -> Self {
        let mut world = Self::before(events);
        for _ in events {
            world.advance();
        }
        world
    }

    /// The state before the first of `events`.
    pub(crate) fn before(events: &'e [Record]) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }

    /// Takes in the next event, of which there must be one; tells which part it changed.
    pub(crate) fn advance(&mut self) -> Option<Topic<'e>> {
        let position = self.happened;
        self.happened += 1;
        let events = self.events;
        match &events[position].event {
            Event::Observed { name, fields, .. } => {
                let facts = self.facts.entry(name);
                facts
                    .or_insert_with(|| Facts::none(position))
                    .take(fields, position);
                Some(Topic::Fact(name))
            }
            Event::Component {
                component,
                instance,
                what,
                ..
            } if component == "breaker" => self.switch(instance, what),
            Event::Invoked { .. } => {
                self.open += 1;
                Some(Topic::Operations)
            }
            Event::Completed { outcome, .. } => {
                self.open -= 1;
                self.completed[*outcome as usize - 1] += 1;
                Some(Topic::Operations)
            }
            Event::FaultBegan { .. } => {
                self.faults += 1;
                Some(Topic::Faults)
            }
            Event::FaultEnded { .. } => {
                self.faults -= 1;
                Some(Topic::Faults)
            }
            Event::FaultHit { .. } => {
                self.fault_hits += 1;
                Some(Topic::Faults)
            }
            Event::Sampled { host, gauge, value } => {
                self.gauges.entry(gauge).or_default().insert(*host, *value);
                Some(Topic::Gauge(gauge))
            }
            _ => None,
        }
    }

    fn switch(&mut self, instance: &'e str, what: &str) -> Option<Topic<'e>> {
        let state = match what {
            "opened" => BreakerState::Open,
            "half-opened" => BreakerState::HalfOpen,
            "closed" => BreakerState::Closed,
            _ => return None,
        };
        self.breakers.insert(instance, state);
        Some(Topic::Breakers)
    }

    fn last(&self) -> Option<&'e Record> {
        self.events[..self.happened].last()
    }

    /// The instant of the last event.
    pub fn at(&self) -> Moment {
        self.last().map_or(Moment::START, |record| record.at)
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.happened as u64
    }

    /// The sum of the field `amount` over all facts `name`; a fact without it adds 1.
    pub fn sum(&self, name: &str) -> i64 {
        self.reads.note(Read::Sum(name));
        self.facts.get(name).map_or(0, |facts| facts.sum)
    }

    /// How many facts `name` there were.
    pub fn count(&self, name: &str) -> i64 {
        self.reads.note(Read::Count(name));
        self.facts.get(name).map_or(0, |facts| facts.count)
    }

    /// [`World::sum`] for each value of `field`. The first time it is asked for, it is made from all
    /// events since the first such fact; from then on it is kept up.
    pub fn sum_by(&self, name: &str, field: &str) -> &BTreeMap<String, i64> {
        self.reads.note(Read::SumBy(name, field));
        let facts = self.facts.get(name);
        let sums = facts.and_then(|facts| facts.sums(name, field, self.events));
        sums.unwrap_or(&NOTHING)
    }

    /// [`World::count`] for each value of `field`, made and kept up as [`World::sum_by`] is.
    pub fn count_by(&self, name: &str, field: &str) -> &BTreeMap<String, i64> {
        self.reads.note(Read::CountBy(name, field));
        let facts = self.facts.get(name);
        let counts = facts.and_then(|facts| facts.counts(name, field, self.events));
        counts.unwrap_or(&NOTHING)
    }

    /// The state of the breaker called `instance`; closed if nothing was heard of it.
    pub fn breaker(&self, instance: &str) -> BreakerState {
        self.reads.note(Read::Breaker(instance));
        let state = self.breakers.get(instance);
        state.copied().unwrap_or(BreakerState::Closed)
    }

    /// The breakers heard of whose names start with `prefix`.
    pub fn breakers<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, BreakerState)> + 'a {
        self.reads.note(Read::Breaker(prefix));
        self.breakers
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, state)| (*name, *state))
    }

    /// How many operations wait for their answer.
    pub fn open_operations(&self) -> i64 {
        self.reads.note(Read::Open);
        self.open
    }

    /// How many operations ended like this.
    pub fn completed(&self, outcome: Outcome) -> i64 {
        self.reads.note(Read::Completed(outcome));
        self.completed[outcome as usize - 1]
    }

    /// The last readings of a gauge, summed over hosts. Gauges are read a few times a second; those of
    /// a process that ended are zero.
    pub fn gauge(&self, name: &str) -> i64 {
        self.reads.note(Read::Gauge(name));
        let hosts = self.gauges.get(name);
        hosts.map_or(0, |hosts| hosts.values().sum())
    }

    /// How many faults are on.
    pub fn faults(&self) -> i64 {
        self.reads.note(Read::Faults);
        self.faults
    }

    /// How many faults have touched a request in flight so far, each counted once.
    pub fn fault_hits(&self) -> i64 {
        self.reads.note(Read::FaultHits);
        self.fault_hits
    }

    /// The fact that the last event stated, if it stated one.
    pub(crate) fn changed(&self) -> Option<(&'e str, &'e Fields)> {
        match &self.last()?.event {
            Event::Observed { name, fields, .. } => Some((name, fields)),
            _ => None,
        }
    }

    /// The position of the last event that stated the fact `name`.
    pub(crate) fn last_of(&self, name: &str) -> Option<u64> {
        self.facts.get(name).map(|facts| facts.last as u64)
    }

    /// What was read since this was asked last.
    pub(crate) fn take_reads(&self) -> Vec<Read<String>> {
        self.reads.take()
    }
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the events: those to come are among them, and they are many.
        f.debug_struct("World")
            .field("at", &self.at())
            .field("events", &self.happened)
            .field("facts", &self.facts)
            .field("breakers", &self.breakers)
            .field("open", &self.open)
            .field("completed", &self.completed)
            .field("faults", &self.faults)
            .field("fault_hits", &self.fault_hits)
            .field("gauges", &self.gauges)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
