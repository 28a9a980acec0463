//! Single flight: one fetch per key, and who waits for it. A flight that ends without a result frees the
//! key, so that one of those who wait takes over.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

/// How a fetch ended, for those who waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// There is a result, if it may be shared at all.
    Done,
    /// It failed, and what is stored may stand in.
    Failed,
}

/// The part of somebody who wants what is being fetched.
pub(super) enum Part {
    /// Nobody fetches it: do so.
    Lead,
    /// Wait; a closed channel means that the leader is gone.
    Wait(oneshot::Receiver<Ended>),
    /// Too many wait.
    Crowded,
}

/// Senders to wake when no lock is held any more.
#[must_use]
pub(super) struct Waiters(Vec<oneshot::Sender<Ended>>);

impl Waiters {
    pub(super) fn tell(self, ended: Ended) {
        for waiter in self.0 {
            let _ = waiter.send(ended);
        }
    }
}

/// The fetches under way.
#[derive(Debug)]
pub(super) struct Flights<K> {
    under_way: BTreeMap<K, Vec<oneshot::Sender<Ended>>>,
    most: usize,
}

impl<K: Ord + Clone> Flights<K> {
    /// At most `most` wait for one key.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            under_way: BTreeMap::new(),
            most,
        }
    }

    pub(super) fn join(&mut self, key: &K) -> Part {
        let Some(waiters) = self.under_way.get_mut(key) else {
            self.under_way.insert(key.clone(), Vec::new());
            return Part::Lead;
        };
        if waiters.len() >= self.most {
            waiters.retain(|waiter| !waiter.is_closed());
        }
        if waiters.len() >= self.most {
            return Part::Crowded;
        }
        let (tell, told) = oneshot::channel();
        waiters.push(tell);
        Part::Wait(told)
    }

    pub(super) fn is_under_way(&self, key: &K) -> bool {
        self.under_way.contains_key(key)
    }

    pub(super) fn end(&mut self, key: &K) -> Waiters {
        Waiters(self.under_way.remove(key).unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }
}
