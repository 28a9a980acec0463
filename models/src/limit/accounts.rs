//! The accounts of many keys under one law, in a bounded table.

use std::collections::{BTreeMap, BTreeSet};

use super::laws::Law;
use super::{InvalidQuota, Refused, Standing};

/// At most `capacity` states by key. A key is forgotten only once its history makes no difference any
/// more, so that no key can gain by being forgotten. New keys that find no room share one state, the
/// overflow; what it spent counts against a key that finds room later.
#[derive(Debug)]
pub(super) struct Accounts<K, L: Law> {
    law: L,
    capacity: usize,
    states: BTreeMap<K, L::State>,
    by_rest: BTreeSet<(u64, K)>,
    /// What all keys without room share.
    overflow: Option<L::State>,
    latest: u64,
}

impl<K: Ord + Clone, L: Law> Accounts<K, L> {
    pub(super) fn new(law: L, capacity: usize) -> Result<Self, InvalidQuota> {
        if capacity == 0 {
            return Err(InvalidQuota::Zero("capacity"));
        }
        Ok(Self {
            law,
            capacity,
            states: BTreeMap::new(),
            by_rest: BTreeSet::new(),
            overflow: None,
            latest: 0,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether `cells` would be admitted; spends nothing. A `now` before the latest one counts as that.
    pub(super) fn probe(&self, key: &K, cells: u32, now: u64) -> Result<L::State, Refused> {
        let now = now.max(self.latest);
        self.law.check(self.state(key, now), now, cells)
    }

    /// Spends `cells` if they are admitted. The answer is the state after that.
    pub(super) fn spend(&mut self, key: &K, cells: u32, now: u64) -> Result<L::State, Refused> {
        self.latest = now.max(self.latest);
        let after = self.probe(key, cells, self.latest)?;
        self.keep(key, after.clone());
        Ok(after)
    }

    pub(super) fn standing(&self, key: &K, now: u64) -> Standing {
        let now = now.max(self.latest);
        self.law.standing(self.state(key, now), now)
    }

    /// What a key is judged by: its own state, or that of the overflow as long as that is not at rest.
    fn state(&self, key: &K, now: u64) -> Option<&L::State> {
        let busy = |overflow: &&L::State| self.law.rest(overflow) > now;
        let overflow = || self.overflow.as_ref().filter(busy);
        self.states.get(key).or_else(overflow)
    }

    fn keep(&mut self, key: &K, after: L::State) {
        if let Some(before) = self.states.get(key) {
            let before = self.law.rest(before);
            self.by_rest.remove(&(before, key.clone()));
        } else if !self.make_room() {
            self.overflow = Some(after);
            return;
        }
        self.by_rest.insert((self.law.rest(&after), key.clone()));
        self.states.insert(key.clone(), after);
    }

    /// Whether there is a free place; forgets the key that is longest at rest if all are taken.
    fn make_room(&mut self) -> bool {
        if self.states.len() < self.capacity {
            return true;
        }
        let longest = self.by_rest.first();
        if longest.is_none_or(|(rest, _)| *rest > self.latest) {
            return false;
        }
        if let Some((_, key)) = self.by_rest.pop_first() {
            self.states.remove(&key);
        }
        true
    }
}
