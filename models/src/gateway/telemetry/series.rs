//! Series by name, of which there are only so many.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// All that come when there is no room for further names.
const OTHERS: &str = "(others)";

/// Numbers by name. Who finds its name there only reads; names beyond `limit` share one series, so that
/// many reloads cannot fill the memory.
#[derive(Debug)]
pub(super) struct Series<V> {
    limit: usize,
    known: RwLock<BTreeMap<Arc<str>, Arc<V>>>,
}

impl<V: Default> Series<V> {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            known: RwLock::new(BTreeMap::new()),
        }
    }

    /// The numbers of `name`.
    pub(super) fn of(&self, name: &str) -> Arc<V> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(name) {
            return found.clone();
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let room = known.len() < self.limit || known.contains_key(name);
        let name = if room { name } else { OTHERS };
        known.entry(name.into()).or_default().clone()
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<(Arc<str>, Arc<V>)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let all = known.iter();
        all.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn names_beyond_the_limit_share_a_series() {
        let series: Series<AtomicU64> = Series::new(2);
        for name in ["a", "b", "c", "d", "a"] {
            series.of(name).fetch_add(1, Ordering::Relaxed);
        }
        let all = series.all();
        let read = |(name, count): &(Arc<str>, Arc<AtomicU64>)| {
            (name.to_string(), count.load(Ordering::Relaxed))
        };
        let all: Vec<_> = all.iter().map(read).collect();
        let expected = [("(others)", 2), ("a", 2), ("b", 1)];
        assert_eq!(all, expected.map(|(name, count)| (name.to_owned(), count)));
    }
}
