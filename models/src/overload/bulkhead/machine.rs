//! One compartment as a pure machine: who runs, who waits and who is turned away is a function of its
//! state and the instant given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::{Compartment, Order, Refused};
use crate::overload::shed::Codel;
use crate::overload::{InvalidPolicy, Outcome, Tally};

/// Names a call that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What a call that asks is told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has a slot.
    Admitted,
    /// It waits; a [`Decision`] with this ticket follows.
    Waits {
        /// Its name from now on.
        ticket: Ticket,
        /// The instant at which it is turned away at the latest, if there is one.
        until: Option<Instant>,
    },
}

/// What became of a call that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which one.
    pub ticket: Ticket,
    /// It has a slot (and waited so long), or it is turned away.
    pub verdict: Result<Duration, Refused>,
}

/// The calls that were not admitted, by reason. Every count saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// No place in the queue.
    pub full: u64,
    /// Waited as long as a call may.
    pub timed_out: u64,
    /// Their deadline had passed.
    pub deadline_passed: u64,
    /// Dropped because the queue did not drain.
    pub overloaded: u64,
    /// Gone before their turn.
    pub left: u64,
}

#[derive(Debug)]
struct Waiter {
    arrived: Instant,
    until: Option<Instant>,
    /// Whether it is the call's own deadline that `until` comes from.
    deadline: bool,
}

/// Never more calls in flight than slots, never a free slot while somebody waits. Instants that step back
/// count as the latest seen.
#[derive(Debug)]
pub struct Machine {
    compartment: Compartment,
    codel: Option<Codel>,
    waiting: BTreeMap<Ticket, Waiter>,
    ends: BTreeSet<(Instant, Ticket)>,
    tickets: u64,
    tally: Tally,
    refusals: Refusals,
    decisions: Vec<Decision>,
    latest: Option<Instant>,
}

impl Machine {
    /// An empty compartment.
    ///
    /// # Errors
    ///
    /// The compartment cannot be meant.
    pub fn new(compartment: Compartment) -> Result<Self, InvalidPolicy> {
        compartment.validate()?;
        let codel = match compartment.order {
            Order::Fifo => None,
            Order::Adaptive(policy) => Some(Codel::new(policy)?),
        };
        Ok(Self {
            compartment,
            codel,
            waiting: BTreeMap::new(),
            ends: BTreeSet::new(),
            tickets: 0,
            tally: Tally::default(),
            refusals: Refusals::default(),
            decisions: Vec::new(),
            latest: None,
        })
    }

    /// Asks for a slot for a call that nobody waits for from `deadline` on.
    ///
    /// # Errors
    ///
    /// The deadline has passed, or slots and queue are full.
    pub fn ask(&mut self, deadline: Option<Instant>, now: Instant) -> Result<Answer, Refused> {
        let now = self.advance(now);
        self.tally.offer();
        if deadline.is_some_and(|deadline| now >= deadline) {
            let waited = Duration::ZERO;
            return Err(self.refuse(Refused::DeadlinePassed { waited }));
        }
        if self.has_slot() {
            if let Some(codel) = &mut self.codel {
                codel.observe(Duration::ZERO, now);
            }
            self.tally.admit();
            return Ok(Answer::Admitted);
        }
        let pending = self.waiting.len();
        if pending >= self.compartment.pending {
            return Err(self.refuse(Refused::Full { pending }));
        }
        Ok(self.enqueue(deadline, now))
    }

    /// A call ended; one without an outcome was cancelled. Its slot goes to who comes next.
    pub fn end(&mut self, outcome: Option<Outcome>, now: Instant) {
        let now = self.advance(now);
        self.tally.end(outcome);
        self.hand_out(now);
    }

    /// A call that waits goes away; nothing happens if it does not wait any more.
    pub fn leave(&mut self, ticket: Ticket) {
        if self.remove(ticket).is_some() {
            self.tally.refuse();
            self.refusals.left = self.refusals.left.saturating_add(1);
        }
    }

    /// Lets time alone have its effect: who has waited until its end is turned away.
    pub fn advance(&mut self, now: Instant) -> Instant {
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        while let Some(&(until, ticket)) = self.ends.first().filter(|end| end.0 <= now) {
            let Some(waiter) = self.remove(ticket) else {
                break;
            };
            let waited = until.saturating_duration_since(waiter.arrived);
            let refused = if waiter.deadline {
                Refused::DeadlinePassed { waited }
            } else {
                Refused::TimedOut { waited }
            };
            self.turn_away(ticket, refused);
        }
        now
    }

    /// What became of calls that waited since this was asked last, in order.
    pub fn take_decisions(&mut self) -> Vec<Decision> {
        std::mem::take(&mut self.decisions)
    }

    /// What became of all calls so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Why calls were not admitted.
    pub const fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    const fn has_slot(&self) -> bool {
        self.tally.in_flight < self.compartment.concurrency as u64
    }

    fn enqueue(&mut self, deadline: Option<Instant>, now: Instant) -> Answer {
        let patience = self.compartment.max_wait.map(|wait| now + wait);
        let until = match (deadline, patience) {
            (Some(deadline), Some(patience)) => Some(deadline.min(patience)),
            (deadline, patience) => deadline.or(patience),
        };
        let ticket = Ticket(self.tickets);
        self.tickets = self.tickets.wrapping_add(1);
        let waiter = Waiter {
            arrived: now,
            until,
            deadline: deadline.is_some() && deadline == until,
        };
        self.waiting.insert(ticket, waiter);
        self.ends.extend(until.map(|until| (until, ticket)));
        self.tally.waiting = self.waiting.len() as u64;
        Answer::Waits { ticket, until }
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiter = self.waiting.remove(&ticket)?;
        if let Some(until) = waiter.until {
            self.ends.remove(&(until, ticket));
        }
        self.tally.waiting = self.waiting.len() as u64;
        Some(waiter)
    }

    fn hand_out(&mut self, now: Instant) {
        while self.has_slot() {
            let Some(ticket) = self.next(now) else {
                return;
            };
            if let Some(waiter) = self.remove(ticket) {
                let waited = now.saturating_duration_since(waiter.arrived);
                self.tally.admit();
                let verdict = Ok(waited);
                self.decisions.push(Decision { ticket, verdict });
            }
        }
    }

    /// Who gets the next slot. What the queue is judged by is how long its oldest call has waited, also
    /// while the newest is served: the newest hardly waits, whatever stands behind it.
    fn next(&mut self, now: Instant) -> Option<Ticket> {
        let (&oldest, waiter) = self.waiting.first_key_value()?;
        let waited = now.saturating_duration_since(waiter.arrived);
        let Some(codel) = &mut self.codel else {
            return Some(oldest);
        };
        if !codel.observe(waited, now) {
            return Some(oldest);
        }
        self.drop_stale(now);
        self.waiting.last_key_value().map(|(&newest, _)| newest)
    }

    fn drop_stale(&mut self, now: Instant) {
        while let (Some(codel), Some((&oldest, waiter))) =
            (&self.codel, self.waiting.first_key_value())
        {
            let waited = now.saturating_duration_since(waiter.arrived);
            if !codel.drops(waited) {
                return;
            }
            self.remove(oldest);
            self.turn_away(oldest, Refused::Overloaded { waited });
        }
    }

    fn turn_away(&mut self, ticket: Ticket, refused: Refused) {
        let verdict = Err(self.refuse(refused));
        self.decisions.push(Decision { ticket, verdict });
    }

    const fn refuse(&mut self, refused: Refused) -> Refused {
        let count = match refused {
            Refused::Full { .. } => &mut self.refusals.full,
            Refused::TimedOut { .. } => &mut self.refusals.timed_out,
            Refused::DeadlinePassed { .. } => &mut self.refusals.deadline_passed,
            Refused::Overloaded { .. } => &mut self.refusals.overloaded,
        };
        *count = count.saturating_add(1);
        self.tally.refuse();
        refused
    }
}
