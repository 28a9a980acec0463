//! What has happened so far, in numbers: the fold over events that rules of state are asked about.

mod reads;

pub(crate) use reads::{Read, Topic};

use reads::Reads;
use std::collections::BTreeMap;
use windtunnel_record::{Event, Fields, Moment, Outcome, Record, Value};

/// The field of a fact that is summed; a fact without it counts as 1.
pub const AMOUNT: &str = "amount";

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

/// Facts of one name: how many, how much, and the same by each value of each field.
#[derive(Clone, Debug, Default)]
struct Facts {
    sum: i64,
    count: i64,
    last: u64,
    by: BTreeMap<String, Tally>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    sums: BTreeMap<String, i64>,
    counts: BTreeMap<String, i64>,
}

/// What the last event changed.
#[derive(Clone, Debug, Default)]
enum Change {
    #[default]
    Nothing,
    Fact(String, Fields),
    Breakers,
    Operations,
    Faults,
    Gauge(String),
}

/// The state of the world after some events. It remembers what is read from it, so that a witness
/// can give the values a rule looked at and a rule is asked again only when one of them changed.
#[derive(Debug, Default)]
pub struct World {
    at: Moment,
    events: u64,
    facts: BTreeMap<String, Facts>,
    changed: Change,
    breakers: BTreeMap<String, BreakerState>,
    open: i64,
    completed: [i64; 3],
    faults: i64,
    fault_hits: i64,
    /// The last reading of each gauge, by host.
    gauges: BTreeMap<String, BTreeMap<u32, i64>>,
    reads: Reads,
}

/// What nobody has stated yet.
static NOTHING: BTreeMap<String, i64> = BTreeMap::new();

impl World {
    /// The state before the first event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next event; tells whether it changed anything.
    pub fn apply(&mut self, record: &Record) -> bool {
        let position = self.events;
        self.events += 1;
        self.at = record.at;
        self.changed = match &record.event {
            Event::Observed { name, fields, .. } => {
                self.state(name, fields, position);
                Change::Fact(name.clone(), fields.clone())
            }
            Event::Component {
                component,
                instance,
                what,
                ..
            } if component == "breaker" => self.switch(instance, what),
            Event::Invoked { .. } => {
                self.open += 1;
                Change::Operations
            }
            Event::Completed { outcome, .. } => {
                self.open -= 1;
                self.completed[*outcome as usize - 1] += 1;
                Change::Operations
            }
            Event::FaultBegan { .. } => {
                self.faults += 1;
                Change::Faults
            }
            Event::FaultEnded { .. } => {
                self.faults -= 1;
                Change::Faults
            }
            Event::FaultHit { .. } => {
                self.fault_hits += 1;
                Change::Faults
            }
            Event::Sampled { host, gauge, value } => {
                entry(&mut self.gauges, gauge).insert(*host, *value);
                Change::Gauge(gauge.clone())
            }
            _ => Change::Nothing,
        };
        self.topic().is_some()
    }

    fn switch(&mut self, instance: &str, what: &str) -> Change {
        let state = match what {
            "opened" => BreakerState::Open,
            "half-opened" => BreakerState::HalfOpen,
            "closed" => BreakerState::Closed,
            _ => return Change::Nothing,
        };
        self.breakers.insert(instance.to_owned(), state);
        Change::Breakers
    }

    /// Which part the last event changed.
    pub(crate) fn topic(&self) -> Option<Topic<'_>> {
        match &self.changed {
            Change::Nothing => None,
            Change::Fact(name, _) => Some(Topic::Fact(name)),
            Change::Breakers => Some(Topic::Breakers),
            Change::Operations => Some(Topic::Operations),
            Change::Faults => Some(Topic::Faults),
            Change::Gauge(name) => Some(Topic::Gauge(name)),
        }
    }

    fn state(&mut self, name: &str, fields: &Fields, position: u64) {
        let amount = fields.int(AMOUNT).unwrap_or(1);
        let facts = entry(&mut self.facts, name);
        facts.sum += amount;
        facts.count += 1;
        facts.last = position;
        for (field, value) in fields.0.iter().filter(|(field, _)| field != AMOUNT) {
            let Some(key) = key_of(value) else { continue };
            let tally = entry(&mut facts.by, field);
            if let Some(sum) = tally.sums.get_mut(&key) {
                *sum += amount;
                *entry(&mut tally.counts, &key) += 1;
            } else {
                // Most keys of some fields come once: each is looked for as seldom as can be.
                tally.counts.insert(key.clone(), 1);
                tally.sums.insert(key, amount);
            }
        }
    }

    /// The instant of the last event.
    pub fn at(&self) -> Moment {
        self.at
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
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

    /// [`World::sum`] for each value of `field`.
    pub fn sum_by(&self, name: &str, field: &str) -> &BTreeMap<String, i64> {
        self.reads.note(Read::SumBy(name, field));
        self.tally(name, field)
            .map_or(&NOTHING, |tally| &tally.sums)
    }

    /// [`World::count`] for each value of `field`.
    pub fn count_by(&self, name: &str, field: &str) -> &BTreeMap<String, i64> {
        self.reads.note(Read::CountBy(name, field));
        self.tally(name, field)
            .map_or(&NOTHING, |tally| &tally.counts)
    }

    fn tally(&self, name: &str, field: &str) -> Option<&Tally> {
        self.facts.get(name)?.by.get(field)
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
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, state)| (name.as_str(), *state))
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
    pub(crate) fn changed(&self) -> Option<(&str, &Fields)> {
        match &self.changed {
            Change::Fact(name, fields) => Some((name, fields)),
            _ => None,
        }
    }

    /// The position of the last event that stated the fact `name`.
    pub(crate) fn last_of(&self, name: &str) -> Option<u64> {
        self.facts.get(name).map(|facts| facts.last)
    }

    /// What was read since this was asked last.
    pub(crate) fn take_reads(&self) -> Vec<Read<String>> {
        self.reads.take()
    }
}

/// What stands under `key`, made if nothing did. A key that is there is not copied.
fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, key: &str) -> &'a mut T {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), T::default());
    }
    map.get_mut(key).expect("inserted above")
}

/// The text under which a field's value is a key; a number with a fraction is none.
pub(crate) fn key_of(value: &Value) -> Option<String> {
    match value {
        Value::Flag(flag) => Some(flag.to_string()),
        Value::Int(int) => Some(int.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Real(_) => None,
    }
}

#[cfg(test)]
mod tests;
