//! The side that borrows: spends what it has, and knows when to ask.

use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;

use super::{Ask, Grant, HolderPolicy, InvalidLease, WhenDown};
use crate::chance::nanos;
use crate::limit::{Gcra, Law, Refused};

/// What one process holds of a shared limit; pure. See [`SharedLimiter`](super::SharedLimiter) for one
/// that asks by itself.
#[derive(Debug)]
pub struct Holder {
    policy: HolderPolicy,
    again: u64,
    patience: u64,
    began: Instant,
    latest: u64,
    /// A name that no other holder has or had.
    name: u64,
    number: u64,
    answered: u64,
    /// When the oldest ask without an answer was sent.
    waiting_since: Option<u64>,
    /// It does not ask before.
    due: u64,
    /// It asks by then, so that its lease does not run out.
    renew: u64,
    epoch: Option<u64>,
    known: u64,
    held: u32,
    returned: u64,
    expires: u64,
    local: Option<Gcra>,
    local_state: Option<u64>,
    counts: HolderCounts,
}

/// What became of what callers asked for; offered is the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HolderCounts {
    /// Calls paid from a lease.
    pub admitted: u64,
    /// Calls that passed because the ledger is down.
    pub unshared: u64,
    /// Calls that did not pass.
    pub refused: u64,
}

impl Holder {
    /// A holder of nothing yet, with a name drawn from `rng`. Each start of a process must draw another
    /// one.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: HolderPolicy,
        rng: &mut impl Rng,
        now: Instant,
    ) -> Result<Self, InvalidLease> {
        let (again, patience, local) = policy.parts()?;
        Ok(Self {
            policy,
            again,
            patience,
            began: now,
            latest: 0,
            name: rng.next_u64(),
            number: 0,
            answered: 0,
            waiting_since: None,
            due: 0,
            renew: 0,
            epoch: None,
            known: 0,
            held: 0,
            returned: 0,
            expires: 0,
            local,
            local_state: None,
            counts: HolderCounts::default(),
        })
    }

    /// Spends `cells` at `now`, without asking anybody.
    ///
    /// # Errors
    ///
    /// Not enough is held: [`Refused::NotYet`] until the ledger is asked again (nobody here knows when
    /// another holder gives up its share); [`Refused::Unavailable`] if the ledger is down and the policy
    /// says so; [`Refused::InsufficientCapacity`] for more than is ever held.
    pub fn spend(&mut self, cells: u32, now: Instant) -> Result<(), Refused> {
        let now = self.tick(now);
        let answer = self.decide(cells, now);
        let count = match answer {
            Ok(true) => &mut self.counts.admitted,
            Ok(false) => &mut self.counts.unshared,
            Err(_) => &mut self.counts.refused,
        };
        *count = count.saturating_add(1);
        answer.map(drop)
    }

    /// Whether it was paid from the lease.
    fn decide(&mut self, cells: u32, now: u64) -> Result<bool, Refused> {
        if cells > self.policy.wanted {
            let burst = self.policy.wanted;
            return Err(Refused::InsufficientCapacity { burst });
        }
        if let Some(left) = self.held.checked_sub(cells) {
            self.held = left;
            return Ok(true);
        }
        let wait = self.due.saturating_sub(now).max(1);
        let retry_after = Duration::from_nanos(wait);
        if !self.is_down(now) {
            return Err(Refused::NotYet { retry_after });
        }
        match self.policy.when_down {
            WhenDown::Admit => Ok(false),
            WhenDown::Refuse => Err(Refused::Unavailable { retry_after }),
            WhenDown::Local(_) => self.spend_locally(cells, now),
        }
    }

    fn spend_locally(&mut self, cells: u32, now: u64) -> Result<bool, Refused> {
        if let Some(law) = &self.local {
            let after = law.check(self.local_state.as_ref(), now, cells)?;
            self.local_state = Some(after);
        }
        Ok(false)
    }

    /// The ask that is to be sent at `now`, if one is due.
    pub fn ask(&mut self, now: Instant) -> Option<Ask> {
        let now = self.tick(now);
        (now >= self.next()).then(|| self.next_ask(self.policy.wanted, now))
    }

    /// When the next ask is due; spending can make it earlier.
    pub fn due(&self) -> Instant {
        self.began + Duration::from_nanos(self.next())
    }

    /// Gives back all that is held. The message is worth sending once; lost, the ledger writes the lease
    /// off in time.
    pub fn give_back(&mut self, now: Instant) -> Ask {
        let now = self.tick(now);
        self.returned = self.returned.saturating_add(self.held.into());
        self.held = 0;
        self.next_ask(0, now)
    }

    /// Takes an answer that arrived at `now`. An answer that was overtaken or is for another holder
    /// is ignored, and what comes too late is not spent.
    pub fn take(&mut self, grant: &Grant, now: Instant) {
        let now = self.tick(now);
        let open = self.answered + 1..=self.number;
        if grant.holder != self.name || !open.contains(&grant.number) {
            return;
        }
        self.answered = grant.number;
        self.waiting_since = None;
        if self.epoch != Some(grant.epoch) {
            self.epoch = Some(grant.epoch);
            (self.known, self.held, self.returned, self.expires) = (0, 0, 0, 0);
        }
        let fresh = grant.lent.saturating_sub(self.known);
        self.known = self.known.max(grant.lent);
        let asked_at = grant.asked_at.min(now);
        let until = asked_at.saturating_add(grant.ttl);
        if now < until {
            let fresh = u32::try_from(fresh).unwrap_or(u32::MAX);
            self.held = self.held.saturating_add(fresh);
            self.expires = self.expires.max(until);
            self.renew = asked_at.saturating_add(grant.ttl / 2);
        }
        self.due = now;
        if self.held <= self.policy.low {
            // Not so late that what little it has runs out before.
            let next = grant.next.min(grant.ttl / 2).max(self.again);
            self.due = now.saturating_add(next);
        }
    }

    /// How many cells could be spent at `now`.
    pub fn held(&mut self, now: Instant) -> u32 {
        self.tick(now);
        self.held
    }

    /// Whether the ledger counts as down at `now`.
    pub fn down(&mut self, now: Instant) -> bool {
        let now = self.tick(now);
        self.is_down(now)
    }

    /// How long it waits for an answer.
    pub(super) const fn again(&self) -> Duration {
        self.policy.again
    }

    /// What became of what callers asked for.
    pub const fn counts(&self) -> HolderCounts {
        self.counts
    }

    fn is_down(&self, now: u64) -> bool {
        let since = self.waiting_since;
        since.is_some_and(|since| now - since >= self.patience)
    }

    fn next(&self) -> u64 {
        if self.held <= self.policy.low {
            self.due
        } else {
            self.due.max(self.renew)
        }
    }

    fn next_ask(&mut self, wanted: u32, now: u64) -> Ask {
        self.number += 1;
        self.waiting_since.get_or_insert(now);
        self.due = now.saturating_add(self.again);
        Ask {
            holder: self.name,
            number: self.number,
            asked_at: now,
            epoch: self.epoch,
            known: self.known,
            held: self.held,
            returned: self.returned,
            wanted,
        }
    }

    /// Moves time on, never back; a lease that has run out is not spent.
    fn tick(&mut self, now: Instant) -> u64 {
        let now = nanos(now.saturating_duration_since(self.began)).max(self.latest);
        self.latest = now;
        if now >= self.expires {
            self.held = 0;
        }
        now
    }
}
