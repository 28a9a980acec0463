//! The endpoint reports itself, and is not believed for ever.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Probe, Probed, Probing};
use crate::health::InvalidPolicy;
use crate::health::error::lasting;

/// The last word of each endpoint of a set; clones share it. As a [`Probe`] it condemns at once whoever
/// reported trouble or, for longer than the time to live, nothing.
#[derive(Clone, Debug)]
pub struct Ttl {
    ttl: Duration,
    words: Arc<Mutex<BTreeMap<Arc<str>, Option<Word>>>>,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    passing: bool,
    at: Instant,
}

impl Ttl {
    /// Reports are believed for `ttl`, and still at exactly its end.
    ///
    /// # Errors
    ///
    /// The time is zero or longer than ten years.
    pub fn new(ttl: Duration) -> Result<Self, InvalidPolicy> {
        lasting("ttl", ttl)?;
        Ok(Self {
            ttl,
            words: Arc::default(),
        })
    }

    /// Replaces the set; the words of those that stay are kept.
    pub fn update(&self, endpoints: &[Arc<str>]) {
        let mut words = self.words();
        let old = std::mem::take(&mut *words);
        let word = |endpoint: &Arc<str>| old.get(endpoint).copied().flatten();
        *words = endpoints
            .iter()
            .map(|endpoint| (endpoint.clone(), word(endpoint)))
            .collect();
    }

    /// The endpoint says how it is, now; `false` if it is not in the set.
    pub fn report(&self, endpoint: &str, passing: bool) -> bool {
        self.report_at(endpoint, passing, Instant::now())
    }

    /// As [`report`](Self::report); an instant before the last report counts as that one.
    pub fn report_at(&self, endpoint: &str, passing: bool, now: Instant) -> bool {
        let mut words = self.words();
        let Some(word) = words.get_mut(endpoint) else {
            return false;
        };
        let at = word.map_or(now, |word| word.at.max(now));
        *word = Some(Word { passing, at });
        true
    }

    /// Whether the endpoint reported itself well, not too long before `now`.
    pub fn is_passing(&self, endpoint: &str, now: Instant) -> bool {
        let word = self.words().get(endpoint).copied().flatten();
        word.is_some_and(|word| word.passing && now.saturating_duration_since(word.at) <= self.ttl)
    }

    fn words(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Option<Word>>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Ttl {
    fn probe<'a>(&'a self, endpoint: &'a Arc<str>, _: Instant) -> Probing<'a> {
        let probed = match self.is_passing(endpoint, Instant::now()) {
            true => Probed::Passed,
            false => Probed::Condemned,
        };
        Box::pin(std::future::ready(probed))
    }
}
