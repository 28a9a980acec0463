//! One breaker per key, in a bounded table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::{Breaker, InvalidPolicy, Observer, Policy};

/// Breakers of one policy for at most so many keys: endpoints, routes, tenants.
///
/// A key that needs room takes the place of the one that was asked for longest ago, among those at rest:
/// closed, with nothing under way and nobody holding it. So nobody can close an open breaker by asking
/// for many others; what is forgotten is the count of a closed one.
pub struct Breakers<K> {
    policy: Policy,
    capacity: usize,
    observer: Arc<dyn Observer>,
    table: Mutex<Table<K>>,
}

/// All places are taken by breakers that must not be forgotten. The caller decides whether a call goes
/// without a breaker or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {capacity} breakers are open or in use")]
pub struct NoRoom {
    /// How many there are.
    pub capacity: usize,
}

struct Table<K> {
    rng: Box<dyn Rng + Send>,
    breakers: BTreeMap<K, (u64, Breaker)>,
    by_use: BTreeSet<(u64, K)>,
    uses: u64,
}

impl<K: Ord + Clone + ToString> Breakers<K> {
    /// No breaker yet, and at most `capacity` of them. `rng` seeds the generator of each.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant, or the capacity is zero.
    pub fn new(
        policy: Policy,
        capacity: usize,
        rng: impl Rng + Send + 'static,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        if capacity == 0 {
            return Err(InvalidPolicy::Zero("capacity"));
        }
        let table = Table {
            rng: Box::new(rng),
            breakers: BTreeMap::new(),
            by_use: BTreeSet::new(),
            uses: 0,
        };
        Ok(Self {
            policy,
            capacity,
            observer,
            table: Mutex::new(table),
        })
    }

    /// The breaker of `key`; a new one bears the key's text as its name.
    ///
    /// # Errors
    ///
    /// It is not known, and no other can make room.
    pub fn of(&self, key: &K) -> Result<Breaker, NoRoom> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = table.find(key) {
            return Ok(breaker);
        }
        let capacity = self.capacity;
        if table.breakers.len() >= capacity && !table.make_room() {
            return Err(NoRoom { capacity });
        }
        let rng = ChaCha8Rng::from_rng(&mut table.rng);
        let (policy, observer) = (self.policy.clone(), self.observer.clone());
        let breaker = Breaker::new(key.to_string(), policy, rng, observer);
        // The policy was found to be valid when this was built.
        let breaker = breaker.map_err(|_| NoRoom { capacity })?;
        table.insert(key, &breaker);
        Ok(breaker)
    }

    /// How many breakers there are.
    pub fn len(&self) -> usize {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.breakers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Ord + Clone> Table<K> {
    fn find(&mut self, key: &K) -> Option<Breaker> {
        let now = self.uses.saturating_add(1);
        let (used, breaker) = self.breakers.get_mut(key)?;
        self.by_use.remove(&(*used, key.clone()));
        self.by_use.insert((now, key.clone()));
        self.uses = now;
        *used = now;
        Some(breaker.clone())
    }

    fn insert(&mut self, key: &K, breaker: &Breaker) {
        self.uses = self.uses.saturating_add(1);
        self.by_use.insert((self.uses, key.clone()));
        self.breakers
            .insert(key.clone(), (self.uses, breaker.clone()));
    }

    /// Forgets the breaker at rest that was asked for longest ago; `false` if none is at rest.
    fn make_room(&mut self) -> bool {
        let at_rest = self.by_use.iter().find(|(_, key)| {
            let breaker = self.breakers.get(key);
            breaker.is_some_and(|(_, breaker)| breaker.is_at_rest())
        });
        let Some(place) = at_rest.cloned() else {
            return false;
        };
        self.by_use.remove(&place);
        self.breakers.remove(&place.1);
        true
    }
}

impl<K> std::fmt::Debug for Breakers<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Breakers")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
