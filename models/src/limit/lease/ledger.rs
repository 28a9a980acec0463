//! The side that lends: one bucket for all, and what is lent out of it.

use std::collections::{BTreeMap, VecDeque};

use rand_core::Rng;
use tokio::time::Instant;

use super::{Ask, Grant, InvalidLease, LedgerPolicy};
use crate::chance::nanos;

/// The ledger of one shared limit; pure, and in memory only. After a crash a new one is made by
/// [`Ledger::restarted`].
#[derive(Debug)]
pub struct Ledger {
    policy: LedgerPolicy,
    cell: u64,
    ttl: u64,
    began: Instant,
    latest: u64,
    /// What is in the bucket, in nanoseconds of the rate: a cell is `cell` of them.
    credit: u64,
    /// Cells lent to all holders together, and put aside for them.
    lent: u32,
    holders: BTreeMap<u64, Account>,
    /// Who got less than it asked for, in turn. What the rate brings is put aside for them one by one, so
    /// that nobody is left out by asking a moment later than others, every time.
    hungry: VecDeque<u64>,
    next_epoch: u64,
    /// Until then a ledger before this one may have lent out everything.
    silent_until: u64,
}

#[derive(Debug)]
struct Account {
    epoch: u64,
    /// The last ask that counted.
    number: u64,
    /// Cells that may still be spent, as far as is known.
    lent: u32,
    /// Cells it has not heard of, and how many more than these it asked for.
    aside: u32,
    missing: u32,
    /// All that was ever lent and given back.
    total: u64,
    returned: u64,
    expires: u64,
}

impl Ledger {
    /// A ledger with a full bucket, for a limit that no other ledger has lent from.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(
        policy: LedgerPolicy,
        rng: &mut impl Rng,
        now: Instant,
    ) -> Result<Self, InvalidLease> {
        let (cell, ttl) = policy.times()?;
        Ok(Self {
            policy,
            cell,
            ttl,
            began: now,
            latest: 0,
            credit: cell * u64::from(policy.quota.burst),
            lent: 0,
            holders: BTreeMap::new(),
            hungry: VecDeque::new(),
            next_epoch: rng.next_u64(),
            silent_until: 0,
        })
    }

    /// A ledger in place of one that lost its memory. It answers nobody for one `ttl`, because the other
    /// may have lent out everything, and then begins with an empty bucket.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn restarted(
        policy: LedgerPolicy,
        rng: &mut impl Rng,
        now: Instant,
    ) -> Result<Self, InvalidLease> {
        let mut ledger = Self::new(policy, rng, now)?;
        ledger.credit = 0;
        ledger.silent_until = ledger.ttl;
        Ok(ledger)
    }

    /// Answers an ask that arrived at `now`. None if it is overtaken by a later one of its holder, or the
    /// ledger must not lend yet. The same ask twice has the same answer, and lends once.
    pub fn answer(&mut self, ask: &Ask, now: Instant) -> Option<Grant> {
        let now = self.tick(now);
        if now < self.silent_until {
            return None;
        }
        if !self.holders.contains_key(&ask.holder) && !self.open(ask) {
            return None;
        }
        let last = self.holders.get(&ask.holder)?.number;
        if ask.number < last {
            return None;
        }
        if ask.number > last {
            self.settle(ask, now);
            self.lend(ask.holder);
        }
        let account = self.holders.get(&ask.holder)?;
        let (epoch, lent) = (account.epoch, account.total);
        Some(Grant {
            holder: ask.holder,
            number: ask.number,
            asked_at: ask.asked_at,
            epoch,
            lent,
            ttl: self.ttl,
            next: self.next_cell(),
        })
    }

    /// How many cells are lent out or put aside at `now`: no more than the burst.
    pub fn lent(&mut self, now: Instant) -> u32 {
        self.tick(now);
        self.lent
    }

    /// How many holders are known at `now`.
    pub fn holders(&mut self, now: Instant) -> usize {
        self.tick(now);
        self.holders.len()
    }

    /// Takes over what `ask` says of its account, and renews that.
    fn settle(&mut self, ask: &Ask, now: u64) {
        let Some(account) = self.holders.get_mut(&ask.holder) else {
            return;
        };
        account.number = ask.number;
        account.expires = now.saturating_add(self.ttl);
        let (gone, back) = account.settle(ask);
        let wanted = ask.wanted.min(self.policy.chunk);
        account.missing = wanted.saturating_sub(account.lent);
        // What was put aside and is not wanted any more was never out of the house.
        let unwanted = account.aside.saturating_sub(account.missing);
        account.aside -= unwanted;
        account.missing -= account.aside;
        self.lent -= gone + unwanted;
        self.credit += self.cell * u64::from(back + unwanted);
    }

    /// Shares out what is there, those that wait longest first, and hands over what falls to `holder`.
    fn lend(&mut self, holder: u64) {
        if !self.hungry.contains(&holder) {
            self.hungry.push_back(holder);
        }
        self.share();
        if let Some(account) = self.holders.get_mut(&holder) {
            account.lent += account.aside;
            account.total = account.total.saturating_add(account.aside.into());
            account.aside = 0;
        }
    }

    /// Puts cells aside, one for each in turn, while there are cells and somebody misses one.
    fn share(&mut self) {
        while self.credit >= self.cell
            && let Some(holder) = self.hungry.pop_front()
        {
            let Some(account) = self.holders.get_mut(&holder) else {
                continue;
            };
            if account.missing > 0 {
                account.missing -= 1;
                account.aside += 1;
                self.lent += 1;
                self.credit -= self.cell;
            }
            if account.missing > 0 {
                self.hungry.push_back(holder);
            }
        }
    }

    /// Whether there is an account for `ask` now. Who wants nothing needs none.
    fn open(&mut self, ask: &Ask) -> bool {
        if ask.wanted == 0 || self.holders.len() >= self.policy.holders {
            return false;
        }
        let account = Account {
            epoch: self.next_epoch,
            number: 0,
            lent: 0,
            aside: 0,
            missing: 0,
            total: 0,
            returned: 0,
            expires: 0,
        };
        self.next_epoch = self.next_epoch.wrapping_add(1);
        self.holders.insert(ask.holder, account);
        true
    }

    /// Fills the bucket, then writes off leases that have run out. In this order: what was lent out until
    /// now is not made up for by the rate.
    fn tick(&mut self, now: Instant) -> u64 {
        let now = nanos(now.saturating_duration_since(self.began)).max(self.latest);
        let since = self.latest.max(self.silent_until);
        self.latest = now;
        let full = self.cell * u64::from(self.policy.quota.burst - self.lent);
        let filled = self.credit.saturating_add(now.saturating_sub(since));
        self.credit = filled.min(full);
        let (lent, credit) = (&mut self.lent, &mut self.credit);
        self.holders.retain(|_, account| {
            let keeps = now < account.expires;
            if !keeps {
                *lent -= account.lent + account.aside;
                *credit += self.cell * u64::from(account.aside);
            }
            keeps
        });
        self.hungry
            .retain(|holder| self.holders.contains_key(holder));
        self.share();
        now
    }

    /// When the rate brings another cell; zero if that depends on what holders say.
    const fn next_cell(&self) -> u64 {
        if self.lent == self.policy.quota.burst {
            return 0;
        }
        self.cell.saturating_sub(self.credit)
    }
}

impl Account {
    /// Takes over what `ask` says: how many cells are no longer lent, and how many of these go back into
    /// the bucket.
    fn settle(&mut self, ask: &Ask) -> (u32, u32) {
        // What is said of another account is about cells that were written off long ago.
        let about_this = ask.epoch == Some(self.epoch);
        let (known, held) = if about_this {
            (ask.known, ask.held)
        } else {
            (0, 0)
        };
        let on_the_way = self.total.saturating_sub(known);
        let left = on_the_way.saturating_add(held.into()).min(self.lent.into()) as u32;
        let gone = self.lent - left;
        self.lent = left;
        let returned = if about_this { ask.returned } else { 0 };
        let back = returned.saturating_sub(self.returned).min(gone.into()) as u32;
        self.returned = self.returned.max(returned);
        (gone, back)
    }
}
