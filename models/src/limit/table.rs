//! Limiters: one for all calls, and one per key in a bounded table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::{Gcra, InvalidQuota, Quota, Refused};
use crate::chance::nanos;

/// A limit per key, for at most so many keys. A key is forgotten only once its history makes no
/// difference any more, so that no key can gain by being forgotten. New keys that find no room share one
/// entry, the overflow; what it spent counts against a key that finds room later. So all keys together
/// get at most one quota more than the capacity. Check and spending are one step.
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
    /// The arrival time that all keys without room share.
    overflow: Option<u64>,
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
                overflow: None,
                latest: 0,
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
    /// the burst.
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
        let known = self.arrivals.get(key).copied();
        let room = known.is_some() || self.has_room(capacity, now);
        let before = known.or(self.overflow.filter(|overflow| *overflow > now));
        let after = law.check(before, now, cells)?;
        if !room {
            self.overflow = Some(after);
            return Ok(());
        }
        match known {
            Some(known) => drop(self.by_arrival.remove(&(known, key.clone()))),
            None => self.make_room(capacity),
        }
        self.arrivals.insert(key.clone(), after);
        self.by_arrival.insert((after, key.clone()));
        Ok(())
    }

    /// Whether there is a free place, or a key at rest: its arrival time is not after now, so a fresh one
    /// would be treated no better.
    fn has_room(&self, capacity: usize, now: u64) -> bool {
        let longest_at_rest = self.by_arrival.first();
        self.arrivals.len() < capacity
            || longest_at_rest.is_some_and(|(arrival, _)| *arrival <= now)
    }

    /// Forgets the key that is longest at rest, if all places are taken.
    fn make_room(&mut self, capacity: usize) {
        if self.arrivals.len() >= capacity
            && let Some((_, key)) = self.by_arrival.pop_first()
        {
            self.arrivals.remove(&key);
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
