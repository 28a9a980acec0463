//! Limiters: one for all calls, and one per key in a bounded table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Gcra, InvalidQuota, Quota, Refused};
use crate::chance::nanos;

/// A limit per key, for at most so many keys. A key is forgotten only once its history makes no
/// difference any more, so that no key can gain by being forgotten; a new key that finds no room is
/// refused. Check and spending are one step.
#[derive(Debug)]
pub struct KeyedLimiter<K> {
    law: Gcra,
    capacity: usize,
    began: Instant,
    table: Mutex<Table<K>>,
}

#[derive(Debug)]
struct Table<K> {
    arrivals: BTreeMap<K, u64>,
    by_arrival: BTreeSet<(u64, K)>,
    latest: u64,
}

impl<K: Ord + Clone> KeyedLimiter<K> {
    /// A limiter of `quota` for each of at most `capacity` keys.
    ///
    /// # Errors
    ///
    /// The quota cannot be meant, or the capacity is zero.
    pub fn new(quota: &Quota, capacity: usize) -> Result<Self, InvalidQuota> {
        if capacity == 0 {
            return Err(InvalidQuota::Zero("capacity"));
        }
        Ok(Self {
            law: Gcra::new(quota)?,
            capacity,
            began: Instant::now(),
            table: Mutex::new(Table {
                arrivals: BTreeMap::new(),
                by_arrival: BTreeSet::new(),
                latest: 0,
            }),
        })
    }

    /// Asks for one cell of `key`, now.
    ///
    /// # Errors
    ///
    /// Over the limit, or no room for a new key.
    pub fn check(&self, key: &K) -> Result<(), Refused> {
        self.check_at(key, 1, Instant::now())
    }

    /// Asks for `cells` of `key` at `now`; an instant before the latest one seen counts as that.
    ///
    /// # Errors
    ///
    /// Over the limit, more than the burst, or no room for a new key.
    pub fn check_at(&self, key: &K, cells: u32, now: Instant) -> Result<(), Refused> {
        let now = nanos(now.saturating_duration_since(self.began));
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.check(&self.law, self.capacity, key, cells, now)
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.arrivals.len()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Ord + Clone> Table<K> {
    fn check(
        &mut self,
        law: &Gcra,
        capacity: usize,
        key: &K,
        cells: u32,
        now: u64,
    ) -> Result<(), Refused> {
        let now = now.max(self.latest);
        self.latest = now;
        let before = self.arrivals.get(key).copied();
        let after = law.check(before, now, cells)?;
        match before {
            Some(before) => drop(self.by_arrival.remove(&(before, key.clone()))),
            None => self.make_room(capacity, now)?,
        }
        self.arrivals.insert(key.clone(), after);
        self.by_arrival.insert((after, key.clone()));
        Ok(())
    }

    /// Forgets the key that is longest at rest, if it is at rest: its arrival time is not after now, so
    /// a fresh one would be treated no better.
    fn make_room(&mut self, capacity: usize, now: u64) -> Result<(), Refused> {
        if self.arrivals.len() < capacity {
            return Ok(());
        }
        match self.by_arrival.pop_first() {
            Some((arrival, key)) if arrival <= now => {
                self.arrivals.remove(&key);
                Ok(())
            }
            Some((arrival, key)) => {
                self.by_arrival.insert((arrival, key));
                let retry_after = Duration::from_nanos(arrival - now);
                Err(Refused::TableFull { retry_after })
            }
            None => Ok(()),
        }
    }
}

/// One limit for all calls.
#[derive(Debug)]
pub struct Limiter {
    keyed: KeyedLimiter<()>,
}

impl Limiter {
    /// A limiter of `quota`.
    ///
    /// # Errors
    ///
    /// The quota cannot be meant.
    pub fn new(quota: &Quota) -> Result<Self, InvalidQuota> {
        Ok(Self {
            keyed: KeyedLimiter::new(quota, 1)?,
        })
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
    /// Over the limit, or more than the burst.
    pub fn check_at(&self, cells: u32, now: Instant) -> Result<(), Refused> {
        self.keyed.check_at(&(), cells, now)
    }
}
