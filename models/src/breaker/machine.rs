//! The breaker as a pure machine: every decision is a function of its state and the instant given.

use std::collections::VecDeque;
use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::counts::Rolling;
use super::{Counts, InvalidPolicy, Outcome, Policy, Rejected, State, Window};
use crate::chance;

/// The right to one call, to be handed back with its outcome.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    generation: u64,
    bucket: u128,
    /// Tells the trials of one generation apart.
    number: u64,
}

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

/// The law of gobreaker v2, with a deadline for trials. Instants that step back count as the latest seen.
pub struct Machine {
    policy: Policy,
    rng: Box<dyn Rng + Send>,
    state: State,
    generation: u64,
    counts: Rolling,
    began: Instant,
    expiry: Option<Instant>,
    trials: VecDeque<(u64, Instant)>,
    tickets: u64,
    reopened: u32,
    latest: Instant,
    changes: Vec<Change>,
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
        policy.validate()?;
        let counts = Rolling::new(policy.window.buckets());
        let mut machine = Self {
            policy,
            rng: Box::new(rng),
            state: State::Closed,
            generation: 0,
            counts,
            began: now,
            expiry: None,
            trials: VecDeque::new(),
            tickets: 0,
            reopened: 0,
            latest: now,
            changes: Vec::new(),
        };
        machine.begin_generation(now);
        Ok(machine)
    }

    /// Asks for one call.
    ///
    /// # Errors
    ///
    /// Open, or half-open with all trials under way.
    pub fn admit(&mut self, now: Instant) -> Result<Ticket, Rejected> {
        let now = self.advance(now);
        match self.state {
            State::Closed => {}
            State::Open => {
                let expiry = self.expiry.unwrap_or(now);
                let remaining = expiry.saturating_duration_since(now);
                return Err(Rejected::Open { remaining });
            }
            State::HalfOpen if self.counts.total().valid() >= self.policy.max_trials => {
                return Err(Rejected::TooManyTrials);
            }
            State::HalfOpen => {
                let deadline = now + self.policy.trial_timeout;
                self.trials.push_back((self.tickets, deadline));
            }
        }
        let ticket = Ticket {
            generation: self.generation,
            bucket: self.counts.admitted(),
            number: self.tickets,
        };
        self.tickets = self.tickets.wrapping_add(1);
        Ok(ticket)
    }

    /// Takes the outcome of an admitted call; one of an earlier generation changes nothing.
    pub fn report(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) {
        let now = self.advance(now);
        if ticket.generation != self.generation {
            return;
        }
        self.trials.retain(|trial| trial.0 != ticket.number);
        let counted = self.counts.ended(ticket.bucket, outcome);
        match (self.state, outcome) {
            (State::Closed, Outcome::Failure)
                if counted && self.policy.trip.opens(self.counts.total()) =>
            {
                self.become_state(State::Open, now);
            }
            (State::HalfOpen, Outcome::Failure) => self.become_state(State::Open, now),
            (State::HalfOpen, Outcome::Success)
                if self.counts.total().consecutive_successes >= self.policy.max_trials =>
            {
                self.become_state(State::Closed, now);
            }
            _ => {}
        }
    }

    /// The state at `now`.
    pub fn state(&mut self, now: Instant) -> State {
        self.advance(now);
        self.state
    }

    /// The counts at `now`.
    pub fn counts(&mut self, now: Instant) -> Counts {
        self.advance(now);
        *self.counts.total()
    }

    /// The changes of state since this was asked last, oldest first.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Lets time alone have its effect. Every comparison is strict: at an instant itself nothing is over.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = now.max(self.latest);
        self.latest = now;
        if let Some(&(_, deadline)) = self.trials.front().filter(|trial| now > trial.1) {
            self.become_state(State::Open, deadline);
        }
        match (self.state, self.expiry) {
            (State::Closed, Some(expiry)) if now > expiry => self.begin_generation(now),
            (State::Open, Some(expiry)) if now > expiry => self.become_state(State::HalfOpen, now),
            _ => {}
        }
        if let (State::Closed, Window::Rolling { bucket, .. }) = (self.state, self.policy.window) {
            let elapsed = now.saturating_duration_since(self.began);
            self.counts.roll(elapsed.as_nanos() / bucket.as_nanos());
        }
        now
    }

    fn become_state(&mut self, to: State, at: Instant) {
        match (self.state, to) {
            (State::HalfOpen, State::Open) => self.reopened = self.reopened.saturating_add(1),
            (State::HalfOpen, State::Closed) => self.reopened = 0,
            _ => {}
        }
        let from = std::mem::replace(&mut self.state, to);
        self.changes.push(Change { from, to, at });
        self.begin_generation(at);
    }

    fn begin_generation(&mut self, at: Instant) {
        self.generation = self.generation.wrapping_add(1);
        self.counts.clear();
        self.trials.clear();
        self.began = at;
        self.expiry = match (self.state, self.policy.window) {
            (State::Closed, Window::Fixed(interval)) => Some(at + interval),
            (State::Open, _) => Some(at + self.draw_open_time()),
            _ => None,
        };
    }

    fn draw_open_time(&mut self) -> Duration {
        let open = self.policy.open;
        let bound = open.bound(self.reopened);
        if open.jitter == 0.0 {
            return bound;
        }
        bound + chance::between(&mut *self.rng, Duration::ZERO, bound.mul_f64(open.jitter))
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("state", &self.state)
            .field("generation", &self.generation)
            .field("counts", self.counts.total())
            .finish_non_exhaustive()
    }
}
