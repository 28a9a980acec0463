//! Where answers are kept: bounded in bytes and entries, the least recently used key goes first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use super::entry::Entry;
use super::key::Key;
use super::vary::{self, Selecting};

/// Answers under one key that differ in the fields of `Vary`.
const VARIANTS: usize = 16;
/// Invalidations that are remembered for fetches under way; who began before all of them stores nothing.
const REMEMBERED: usize = 1024;

/// Bounds of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Bytes of heads and bodies together.
    pub bytes: usize,
    /// Keys.
    pub entries: usize,
}

#[derive(Debug)]
struct Slot {
    used: u64,
    weight: usize,
    variants: Vec<Arc<Entry>>,
}

/// The answers.
#[derive(Debug)]
pub(super) struct Store {
    size: Size,
    slots: BTreeMap<Key, Slot>,
    order: BTreeMap<u64, Key>,
    clock: u64,
    bytes: usize,
    invalidated: VecDeque<(u64, Option<Key>)>,
    invalidations: u64,
}

impl Store {
    pub(super) const fn new(size: Size) -> Self {
        Self {
            size,
            slots: BTreeMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            bytes: 0,
            invalidated: VecDeque::new(),
            invalidations: 0,
        }
    }

    /// The answer that this request selects, the latest if there are several.
    pub(super) fn find(&mut self, key: &Key, request: &HeaderMap) -> Option<Arc<Entry>> {
        let slot = self.slots.get_mut(key)?;
        let fitting = slot.variants.iter();
        let fitting = fitting.filter(|entry| vary::fits(&entry.selecting, request));
        let found = fitting.max_by_key(|entry| entry.received)?.clone();
        self.clock += 1;
        self.order.remove(&slot.used);
        slot.used = self.clock;
        self.order.insert(self.clock, key.clone());
        Some(found)
    }

    /// The fields that answers under this key are known to vary by.
    pub(super) fn varies_by(&self, key: &Key) -> Vec<HeaderName> {
        let last = self.slots.get(key).and_then(|slot| slot.variants.last());
        last.map_or_else(Vec::new, |entry| {
            entry
                .selecting
                .iter()
                .map(|(name, _)| name.clone())
                .collect()
        })
    }

    /// Keeps an answer in place of those that the same request would select.
    pub(super) fn put(&mut self, key: &Key, entry: Entry, request: &HeaderMap) {
        let mut variants = self.take(key);
        variants.retain(|old| !vary::fits(&old.selecting, request));
        if variants.len() >= VARIANTS {
            variants.remove(0);
        }
        variants.push(Arc::new(entry));
        self.keep(key, variants);
        self.shrink();
    }

    /// Forgets what this request would select.
    pub(super) fn drop_selected(&mut self, key: &Key, request: &HeaderMap) {
        let mut variants = self.take(key);
        variants.retain(|old| !vary::fits(&old.selecting, request));
        self.keep(key, variants);
    }

    /// Forgets everything under a key, also what is being fetched; says how many keys that were.
    pub(super) fn invalidate(&mut self, key: &Key) -> usize {
        self.remember(Some(key.clone()));
        usize::from(!self.take(key).is_empty())
    }

    /// Forgets everything whose key begins like this; says how many keys that were.
    pub(super) fn invalidate_under(&mut self, prefix: &Key) -> usize {
        self.remember(None);
        let under = self.slots.range(prefix.clone()..).map(|(key, _)| key);
        let under: Vec<Key> = under
            .take_while(|key| key.is_under(prefix))
            .cloned()
            .collect();
        for key in &under {
            self.take(key);
        }
        under.len()
    }

    /// How many invalidations there were.
    pub(super) const fn invalidations(&self) -> u64 {
        self.invalidations
    }

    /// Whether what was asked for after `since` invalidations is still good.
    pub(super) fn is_valid(&self, key: &Key, since: u64) -> bool {
        let oldest = self.invalidated.front().map_or(0, |(number, _)| number - 1);
        let mut later = self
            .invalidated
            .iter()
            .filter(|(number, _)| *number > since);
        since >= oldest && !later.any(|(_, hit)| hit.as_ref().is_none_or(|hit| hit == key))
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn keys(&self) -> usize {
        self.slots.len()
    }

    fn remember(&mut self, key: Option<Key>) {
        self.invalidations += 1;
        if self.invalidated.len() >= REMEMBERED {
            self.invalidated.pop_front();
        }
        self.invalidated.push_back((self.invalidations, key));
    }

    fn take(&mut self, key: &Key) -> Vec<Arc<Entry>> {
        let Some(slot) = self.slots.remove(key) else {
            return Vec::new();
        };
        self.order.remove(&slot.used);
        self.bytes -= slot.weight;
        slot.variants
    }

    fn keep(&mut self, key: &Key, variants: Vec<Arc<Entry>>) {
        if variants.is_empty() {
            return;
        }
        let weight: usize = variants.iter().map(|entry| entry.weight()).sum();
        let weight = weight + 2 * key.weight();
        self.clock += 1;
        self.bytes += weight;
        self.order.insert(self.clock, key.clone());
        let used = self.clock;
        self.slots.insert(
            key.clone(),
            Slot {
                used,
                weight,
                variants,
            },
        );
    }

    fn shrink(&mut self) {
        while self.bytes > self.size.bytes || self.slots.len() > self.size.entries {
            let Some((_, oldest)) = self.order.pop_first() else {
                return;
            };
            self.take(&oldest);
        }
    }
}

/// Values of the fields in the order of their names, as a part of the key of a fetch.
pub(super) fn values(selecting: Selecting) -> Vec<Vec<String>> {
    selecting.into_iter().map(|(_, values)| values).collect()
}
