//! The law: three states, and what leads from one to the other.
//!
//! ```text
//!            the trip rule holds              now > until
//!   Closed ----------------------> Open ----------------------> HalfOpen
//!     ^                              ^                              |
//!     |                              |  a trial failed or hung      |
//!     |                              +------------------------------+
//!     |               the trials were good                          |
//!     +-------------------------------------------------------------+
//! ```
//!
//! Every change, and every new interval of a fixed window, begins a generation; a result counts only in
//! the generation that admitted its call.

use rand_core::Rng;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::counts::Mark;
use super::phase::{Closed, Phase, Trials};
use super::{Counts, InvalidPolicy, Outcome, Policy, Recovery, Rejected, State};

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// When it took effect: for a hung trial its deadline, else when it was noticed.
    pub at: Instant,
}

/// An admitted call, as the law knows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    generation: u64,
    /// Tells the trials of one generation apart.
    number: u64,
    bucket: u128,
    began: Instant,
}

/// The law of gobreaker v2, with a deadline for trials. Instants that step back count as the latest seen.
pub(super) struct Law {
    policy: Policy,
    phase: Phase,
    generation: u64,
    entries: u64,
    backoff: Backoff,
    latest: Instant,
    pub(super) changes: Vec<Change>,
}

impl Law {
    pub(super) fn new(
        policy: Policy,
        rng: impl Rng + Send + 'static,
        now: Instant,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            phase: Phase::Closed(Closed::new(policy.window, now)),
            generation: 0,
            entries: 0,
            backoff: Backoff::new(policy.open, rng),
            latest: now,
            changes: Vec::new(),
            policy,
        })
    }

    pub(super) fn admit(&mut self, now: Instant) -> Result<Entry, Rejected> {
        let now = self.advance(now);
        let number = self.entries;
        let mut bucket = 0;
        match &mut self.phase {
            Phase::Closed(closed) => bucket = closed.tally.admit(),
            Phase::Open { until } => {
                let remaining = until.saturating_duration_since(now);
                return Err(Rejected::Open { remaining });
            }
            Phase::HalfOpen(trials) if trials.counts.valid() >= self.policy.max_trials => {
                return Err(Rejected::TooManyTrials);
            }
            Phase::HalfOpen(trials) => trials.admit(number, now + self.policy.trial_timeout),
        }
        self.entries = number.wrapping_add(1);
        Ok(Entry {
            generation: self.generation,
            number,
            bucket,
            began: now,
        })
    }

    /// Takes the outcome of an admitted call; one of an earlier generation changes nothing.
    pub(super) fn report(&mut self, entry: &Entry, outcome: Outcome, now: Instant) {
        let now = self.advance(now);
        if entry.generation != self.generation {
            return;
        }
        if let Outcome::Throttled {
            patience: Some(patience),
        } = outcome
        {
            self.backoff.heed(patience, now);
        }
        let took = now.saturating_duration_since(entry.began);
        let mark = self.policy.mark(outcome, took);
        let next = match &mut self.phase {
            Phase::Closed(closed) => {
                let counted = closed.tally.end(entry.bucket, mark);
                let asked = counted && mark.speaks_against();
                let opens = asked && self.policy.trip.opens(closed.tally.total());
                opens.then_some(State::Open)
            }
            Phase::HalfOpen(trials) => {
                trials.end(entry.number, mark);
                verdict(&self.policy, &trials.counts, mark)
            }
            // An open breaker admits nothing, so nothing of its generation can end.
            Phase::Open { .. } => None,
        };
        if let Some(next) = next {
            self.turn(next, now);
        }
    }

    pub(super) fn state(&mut self, now: Instant) -> State {
        self.advance(now);
        self.phase.state()
    }

    pub(super) fn counts(&mut self, now: Instant) -> Counts {
        self.advance(now);
        self.phase.counts()
    }

    /// Whether it was closed when last looked at. Time alone opens no closed breaker.
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed(_))
    }

    /// Begins anew: closed, without history, and deaf to what was admitted before. The answer is when.
    pub(super) fn restart(&mut self, now: Instant) -> Instant {
        let now = now.max(self.latest);
        self.latest = now;
        self.backoff.recovered();
        self.begin(State::Closed, now);
        now
    }

    /// Lets time alone have its effect. Every comparison is strict: at an instant itself nothing is over.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = now.max(self.latest);
        self.latest = now;
        if let Phase::HalfOpen(trials) = &self.phase
            && let Some(deadline) = trials.missed(now)
        {
            self.turn(State::Open, deadline);
        }
        match &mut self.phase {
            Phase::Closed(closed) if closed.is_over(now) => self.begin(State::Closed, now),
            Phase::Closed(closed) => closed.roll(now),
            Phase::Open { until } if now > *until => self.turn(State::HalfOpen, now),
            Phase::Open { .. } | Phase::HalfOpen(_) => {}
        }
        now
    }

    fn turn(&mut self, to: State, at: Instant) {
        let from = self.phase.state();
        match (from, to) {
            (State::HalfOpen, State::Open) => self.backoff.failed_again(),
            (State::HalfOpen, State::Closed) => self.backoff.recovered(),
            _ => {}
        }
        self.begin(to, at);
        self.changes.push(Change { from, to, at });
    }

    /// Begins a generation.
    fn begin(&mut self, state: State, at: Instant) {
        self.generation = self.generation.wrapping_add(1);
        self.phase = match state {
            State::Open => Phase::Open {
                until: self.backoff.end(at),
            },
            State::HalfOpen => Phase::HalfOpen(Trials::default()),
            _ => Phase::Closed(Closed::new(self.policy.window, at)),
        };
    }
}

/// Where the end of a trial leads, if anywhere yet.
fn verdict(policy: &Policy, counts: &Counts, mark: Mark) -> Option<State> {
    if mark.outcome == Outcome::Excluded {
        return None;
    }
    let (bad, good) = match policy.recovery {
        Recovery::EveryTrial => {
            let all = counts.consecutive_successes >= policy.max_trials;
            (mark.speaks_against(), all)
        }
        Recovery::Share => {
            let all = counts.ended() >= policy.max_trials;
            (all && policy.trip.condemns(counts), all)
        }
    };
    match (bad, good) {
        (true, _) => Some(State::Open),
        (false, true) => Some(State::Closed),
        (false, false) => None,
    }
}
