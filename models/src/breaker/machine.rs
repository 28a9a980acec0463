//! The breaker as a pure machine: the law, and the switch by which an operator overrules it.

use rand_core::Rng;
use tokio::time::Instant;

use super::law::{Entry, Law};
use super::{Change, Counts, InvalidPolicy, Outcome, Policy, Rejected, State};

/// So many changes are kept for somebody who asks; of more, the oldest are forgotten.
const MOST_CHANGES: usize = 1_000;

/// The right to one call, to be handed back with its outcome.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a call whose outcome is not reported holds its slot"]
pub struct Ticket {
    /// None if the call is not counted.
    entry: Option<Entry>,
    tolerated: Option<Rejected>,
}

impl Ticket {
    /// Why the law would have refused this call, had it been in force ([`State::MetricsOnly`]).
    pub const fn would_have_been(&self) -> Option<Rejected> {
        self.tolerated
    }
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The law.
    Automatic,
    ForcedOpen,
    Disabled,
    /// Nobody; the law goes on for the record.
    MetricsOnly,
}

/// A breaker: every decision is a function of its state and the instant given. Instants that step back
/// count as the latest seen.
///
/// What an operator sets stays until an operator changes it; calls that were in flight then are of
/// another generation, and their results change nothing.
pub struct Machine {
    law: Law,
    mode: Mode,
    changes: Vec<Change>,
    would_have: Vec<Change>,
}

impl Machine {
    /// A closed breaker that begins to count at `now`; `rng` draws the jitter of its open times.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: Policy,
        rng: impl Rng + Send + 'static,
        now: Instant,
    ) -> Result<Self, InvalidPolicy> {
        Ok(Self {
            law: Law::new(policy, rng, now)?,
            mode: Mode::Automatic,
            changes: Vec::new(),
            would_have: Vec::new(),
        })
    }

    /// Asks for one call.
    ///
    /// # Errors
    ///
    /// Open, held open, or half-open with all trials under way.
    pub fn admit(&mut self, now: Instant) -> Result<Ticket, Rejected> {
        let (entry, tolerated) = match self.mode {
            Mode::Automatic => (Some(self.obey(|law| law.admit(now))?), None),
            Mode::ForcedOpen => return Err(Rejected::ForcedOpen),
            Mode::Disabled => (None, None),
            Mode::MetricsOnly => match self.obey(|law| law.admit(now)) {
                Ok(entry) => (Some(entry), None),
                Err(rejected) => (None, Some(rejected)),
            },
        };
        Ok(Ticket { entry, tolerated })
    }

    /// Takes the outcome of an admitted call; one of an earlier generation changes nothing.
    pub fn report(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) {
        if let Some(entry) = ticket.entry {
            self.obey(|law| law.report(&entry, outcome, now));
        }
    }

    /// The state at `now`.
    pub fn state(&mut self, now: Instant) -> State {
        match self.mode {
            Mode::Automatic => self.obey(|law| law.state(now)),
            Mode::ForcedOpen => State::ForcedOpen,
            Mode::Disabled => State::Disabled,
            Mode::MetricsOnly => State::MetricsOnly,
        }
    }

    /// The state of the law at `now`: closed, open or half-open. It began anew with the last switch; under
    /// [`State::MetricsOnly`] it is what the breaker would do.
    pub fn lawful_state(&mut self, now: Instant) -> State {
        self.obey(|law| law.state(now))
    }

    /// The counts at `now`.
    pub fn counts(&mut self, now: Instant) -> Counts {
        self.obey(|law| law.counts(now))
    }

    /// Holds it open until it is told otherwise.
    pub fn isolate(&mut self, now: Instant) {
        self.switch(Mode::ForcedOpen, now);
    }

    /// Lets everything through and counts nothing, until it is told otherwise.
    pub fn disable(&mut self, now: Instant) {
        self.switch(Mode::Disabled, now);
    }

    /// Lets everything through and goes on with the law for the record, until it is told otherwise. A
    /// call that the law would have refused is not counted, as it would not have been made.
    pub fn only_measure(&mut self, now: Instant) {
        self.switch(Mode::MetricsOnly, now);
    }

    /// Closes it and forgets everything, whatever it was: the law is in force, with its first open time
    /// ahead.
    pub fn reset(&mut self, now: Instant) {
        self.switch(Mode::Automatic, now);
    }

    /// The changes of state since this was asked last, oldest first; at most the latest 1,000.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The changes that the law would have made under [`State::MetricsOnly`] since this was asked last,
    /// oldest first; at most the latest 1,000.
    pub fn take_would_have(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.would_have)
    }

    /// Whether nothing would be lost but closed counts, if it were forgotten.
    pub(super) const fn is_at_rest(&self) -> bool {
        matches!(self.mode, Mode::Automatic) && self.law.is_closed()
    }

    fn switch(&mut self, mode: Mode, now: Instant) {
        let from = self.state(now);
        let at = self.law.restart(now);
        self.mode = mode;
        let to = self.state(at);
        if from != to {
            keep(&mut self.changes, &mut vec![Change { from, to, at }]);
        }
    }

    /// Asks the law, and files what it changed.
    fn obey<T>(&mut self, ask: impl FnOnce(&mut Law) -> T) -> T {
        let answer = ask(&mut self.law);
        let file = match self.mode {
            Mode::MetricsOnly => &mut self.would_have,
            _ => &mut self.changes,
        };
        keep(file, &mut self.law.changes);
        answer
    }
}

/// Files what is new, and forgets the oldest of too many.
fn keep(file: &mut Vec<Change>, new: &mut Vec<Change>) {
    file.append(new);
    let excess = file.len().saturating_sub(MOST_CHANGES);
    file.drain(..excess);
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
