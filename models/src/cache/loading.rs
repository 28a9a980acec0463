//! A cache of values of any kind: one load per key, negative entries, stale values in place of errors,
//! invalidation by version.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand_core::Rng;
use tokio::time::{Instant, timeout_at};

use super::flight::{Ended, Flights, Part};
use crate::chance;

/// Waiters for one key.
const MOST_WAITERS: usize = 10_000;

/// How values are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadingPolicy {
    /// How long a value is good.
    pub ttl: Duration,
    /// How long it is good to know that there is none.
    pub negative_ttl: Duration,
    /// At most so much is taken off a time to live, by chance.
    pub jitter: Duration,
    /// How long past its time a value may stand in for an error.
    pub stale_on_error: Duration,
    /// Keys.
    pub entries: usize,
}

/// A value, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<V> {
    /// The value; none if the source says that there is none.
    pub value: Option<V>,
    /// Its version; a greater one is newer.
    pub version: u64,
    /// It is past its time, and stands in for an error.
    pub degraded: bool,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError<E> {
    /// The source failed, and nothing stands in.
    #[error("load failed")]
    Failed(E),
    /// The deadline passed while another loaded, or too many wait.
    #[error("waited too long for another load")]
    Late,
}

#[derive(Debug)]
struct Held<V> {
    loaded: Option<Loaded<V>>,
    /// Older versions are not accepted.
    floor: u64,
    until: Instant,
    used: u64,
}

#[derive(Debug)]
struct Inner<K, V> {
    held: BTreeMap<K, Held<V>>,
    order: BTreeMap<u64, K>,
    clock: u64,
    flights: Flights<K>,
}

/// A cache in front of a source of values.
pub struct Loading<K: Ord + Clone, V> {
    policy: LoadingPolicy,
    inner: Mutex<Inner<K, V>>,
    rng: Mutex<Box<dyn Rng + Send>>,
}

struct Lead<'a, K: Ord + Clone, V: Clone> {
    cache: &'a Loading<K, V>,
    key: K,
    ended: Option<Ended>,
}

impl<K: Ord + Clone, V: Clone> Drop for Lead<'_, K, V> {
    fn drop(&mut self) {
        let waiters = self.cache.with(|inner| inner.flights.end(&self.key));
        // Without a word one of them takes over.
        if let Some(ended) = self.ended {
            waiters.tell(ended);
        }
    }
}

impl<K: Ord + Clone, V: Clone> Loading<K, V> {
    /// An empty cache; `rng` draws what is taken off times to live.
    pub fn new(policy: LoadingPolicy, rng: impl Rng + Send + 'static) -> Self {
        Self {
            policy,
            inner: Mutex::new(Inner {
                held: BTreeMap::new(),
                order: BTreeMap::new(),
                clock: 0,
                flights: Flights::new(MOST_WAITERS),
            }),
            rng: Mutex::new(Box::new(rng)),
        }
    }

    /// The value, loaded by `load` if it is not known and nobody loads it. `load` gives a value, or none,
    /// and its version.
    ///
    /// # Errors
    ///
    /// The load failed and nothing stands in, or `until` passed while another loaded.
    ///
    /// # Cancellation
    ///
    /// If the one who loads is dropped, one of those who wait loads.
    pub async fn get<E, F>(
        &self,
        key: &K,
        until: Instant,
        load: impl FnOnce() -> F,
    ) -> Result<Loaded<V>, LoadError<E>>
    where
        F: Future<Output = Result<(Option<V>, u64), E>>,
    {
        loop {
            let now = Instant::now();
            let part = self.with(|inner| match inner.good(key, now) {
                Some(loaded) => Err(loaded),
                None => Ok(inner.flights.join(key)),
            });
            let told = match part {
                Err(loaded) => return Ok(loaded),
                Ok(Part::Crowded) => return Err(LoadError::Late),
                Ok(Part::Wait(told)) => told,
                Ok(Part::Lead) => break,
            };
            let heard = timeout_at(until, told).await;
            let heard = heard.map_err(|_| LoadError::Late)?;
            if heard == Ok(Ended::Failed)
                && let Some(stale) = self.stale(key)
            {
                return Ok(stale);
            }
        }
        let mut lead = Lead {
            cache: self,
            key: key.clone(),
            ended: None,
        };
        match load().await {
            Ok((value, version)) => {
                let loaded = Loaded {
                    value,
                    version,
                    degraded: false,
                };
                self.keep(key, loaded.clone());
                lead.ended = Some(Ended::Done);
                Ok(loaded)
            }
            Err(error) => {
                let stale = self.stale(key);
                lead.ended = stale.is_some().then_some(Ended::Failed);
                stale.ok_or(LoadError::Failed(error))
            }
        }
    }

    /// The value changed: versions below `version` are forgotten and not accepted any more, also from
    /// loads under way. A late or repeated message about an older version changes nothing.
    pub fn invalidate(&self, key: &K, version: u64) {
        self.with(|inner| {
            let now = Instant::now();
            let held = inner.held.get(key);
            let known = held.and_then(|held| held.loaded.as_ref());
            if known.is_some_and(|known| known.version >= version) {
                return;
            }
            let floor = held.map_or(0, |held| held.floor).max(version);
            inner.put(key, None, floor, now, self.policy.entries);
        });
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.with(|inner| inner.held.len())
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn keep(&self, key: &K, loaded: Loaded<V>) {
        let ttl = match loaded.value {
            Some(_) => self.policy.ttl,
            None => self.policy.negative_ttl,
        };
        let jitter = {
            let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            chance::between(&mut **rng, Duration::ZERO, self.policy.jitter)
        };
        let until = Instant::now() + ttl.saturating_sub(jitter);
        self.with(|inner| {
            let held = inner.held.get(key);
            let floor = held.map_or(0, |held| held.floor);
            let known = held.and_then(|held| held.loaded.as_ref());
            let newest = known.map_or(floor, |known| known.version.max(floor));
            if loaded.version >= newest {
                inner.put(key, Some(loaded), floor, until, self.policy.entries);
            }
        });
    }

    fn stale(&self, key: &K) -> Option<Loaded<V>> {
        let now = Instant::now();
        self.with(|inner| {
            let held = inner.held.get(key)?;
            let loaded = held.loaded.clone()?;
            let past = now.saturating_duration_since(held.until);
            (past <= self.policy.stale_on_error).then_some(Loaded {
                degraded: true,
                ..loaded
            })
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner<K, V>) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Ord + Clone, V: Clone> Inner<K, V> {
    fn good(&mut self, key: &K, now: Instant) -> Option<Loaded<V>> {
        let held = self.held.get_mut(key)?;
        let loaded = held.loaded.clone().filter(|_| now < held.until)?;
        self.clock += 1;
        self.order.remove(&held.used);
        held.used = self.clock;
        self.order.insert(self.clock, key.clone());
        Some(loaded)
    }

    fn put(&mut self, key: &K, loaded: Option<Loaded<V>>, floor: u64, until: Instant, most: usize) {
        self.clock += 1;
        let held = Held {
            loaded,
            floor,
            until,
            used: self.clock,
        };
        if let Some(old) = self.held.insert(key.clone(), held) {
            self.order.remove(&old.used);
        }
        self.order.insert(self.clock, key.clone());
        while self.held.len() > most {
            let Some((_, oldest)) = self.order.pop_first() else {
                return;
            };
            self.held.remove(&oldest);
        }
    }
}

impl<K: Ord + Clone, V> Debug for Loading<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loading").finish_non_exhaustive()
    }
}
