//! Limiters: one for all calls, and one per key in a bounded table.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::accounts::Accounts;
use super::laws::{Gcra, Law};
use super::{Counts, InvalidQuota, Quota, Refused, Standing};
use crate::chance::nanos;

/// A limit per key, for at most so many keys. A key is forgotten only once its history makes no
/// difference any more, so that no key can gain by being forgotten. New keys that find no room share one
/// account, the overflow; what it spent counts against a key that finds room later. So all keys together
/// get at most one key's share more than the capacity. Check and spending are one step.
#[derive(Debug)]
pub struct KeyedLimiter<K, L: Law = Gcra> {
    began: Instant,
    table: Mutex<Table<K, L>>,
}

#[derive(Debug)]
struct Table<K, L: Law> {
    accounts: Accounts<K, L>,
    counts: Counts,
}

impl<K: Ord + Clone> KeyedLimiter<K> {
    /// A limiter of `quota` for each of at most `capacity` keys, by the generic cell rate algorithm.
    ///
    /// # Errors
    ///
    /// The quota cannot be meant, or the capacity is zero.
    pub fn new(quota: &Quota, capacity: usize) -> Result<Self, InvalidQuota> {
        Self::with_law(Gcra::new(quota)?, capacity)
    }
}

impl<K: Ord + Clone, L: Law> KeyedLimiter<K, L> {
    /// A limiter by another law. Windows and fills of all keys begin now.
    ///
    /// # Errors
    ///
    /// The capacity is zero.
    pub fn with_law(law: L, capacity: usize) -> Result<Self, InvalidQuota> {
        let accounts = Accounts::new(law, capacity)?;
        Ok(Self {
            began: Instant::now(),
            table: Mutex::new(Table {
                accounts,
                counts: Counts::default(),
            }),
        })
    }

    /// Asks for one cell of `key`, now.
    ///
    /// # Errors
    ///
    /// Over the limit: the key's own, or for a new key without room that of the overflow.
    pub fn check(&self, key: &K) -> Result<(), Refused> {
        self.check_at(key, 1, Instant::now())
    }

    /// Asks for `cells` of `key` at `now`; an instant before the latest one seen counts as that.
    ///
    /// # Errors
    ///
    /// Over the limit (the key's own, or for a new key without room that of the overflow), or more than
    /// the law ever admits at once.
    pub fn check_at(&self, key: &K, cells: u32, now: Instant) -> Result<(), Refused> {
        self.spend_at(key, cells, now).map(drop)
    }

    /// The same; the answer is the state of the key's account after that, for what a law says beyond yes
    /// and no ([`Leaky::delay`](super::Leaky::delay)).
    ///
    /// # Errors
    ///
    /// As [`check_at`](Self::check_at).
    pub fn spend_at(&self, key: &K, cells: u32, now: Instant) -> Result<L::State, Refused> {
        let now = self.nanos(now);
        let mut table = self.table();
        let answer = table.accounts.spend(key, cells, now);
        table.counts.add(answer.is_ok());
        answer
    }

    /// How `key` stands at `now`.
    pub fn standing_at(&self, key: &K, now: Instant) -> Standing {
        self.table().accounts.standing(key, self.nanos(now))
    }

    /// How many checks were admitted and refused.
    pub fn counts(&self) -> Counts {
        self.table().counts
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.table().accounts.len()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn table(&self) -> MutexGuard<'_, Table<K, L>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.began))
    }
}

/// One limit for all calls.
#[derive(Debug)]
pub struct Limiter<L: Law = Gcra> {
    keyed: KeyedLimiter<(), L>,
}

impl Limiter {
    /// A limiter of `quota`, by the generic cell rate algorithm.
    ///
    /// # Errors
    ///
    /// The quota cannot be meant.
    pub fn new(quota: &Quota) -> Result<Self, InvalidQuota> {
        Ok(Self::with_law(Gcra::new(quota)?))
    }
}

impl<L: Law> Limiter<L> {
    /// A limiter by another law. Its windows and fills begin now.
    pub fn with_law(law: L) -> Self {
        let keyed = KeyedLimiter::with_law(law, 1).expect("room for one");
        Self { keyed }
    }

    /// Asks for one cell, now.
    ///
    /// # Errors
    ///
    /// Over the limit.
    pub fn check(&self) -> Result<(), Refused> {
        self.keyed.check(&())
    }

    /// Asks for `cells` at `now`.
    ///
    /// # Errors
    ///
    /// Over the limit, or more than the law ever admits at once.
    pub fn check_at(&self, cells: u32, now: Instant) -> Result<(), Refused> {
        self.keyed.check_at(&(), cells, now)
    }

    /// The same; the answer is the state after that.
    ///
    /// # Errors
    ///
    /// As [`check_at`](Self::check_at).
    pub fn spend_at(&self, cells: u32, now: Instant) -> Result<L::State, Refused> {
        self.keyed.spend_at(&(), cells, now)
    }

    /// How the limit stands at `now`.
    pub fn standing_at(&self, now: Instant) -> Standing {
        self.keyed.standing_at(&(), now)
    }

    /// How many checks were admitted and refused.
    pub fn counts(&self) -> Counts {
        self.keyed.counts()
    }
}
