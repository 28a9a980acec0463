//! What became of the calls of a layer, so that nothing can be lost unnoticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the beginning. Calls = succeeded + failed + cancelled + those under way; attempts = calls
/// that made one + further attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that came.
    pub calls: u64,
    /// Attempts that were made, first ones included.
    pub attempts: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that ended otherwise.
    pub failed: u64,
    /// Calls whose caller went away, or that panicked.
    pub cancelled: u64,
    /// Further attempts that the budget did not pay.
    pub unpaid: u64,
}

impl Counts {
    /// Calls under way.
    pub const fn open(&self) -> u64 {
        let ended = self.succeeded + self.failed + self.cancelled;
        self.calls.saturating_sub(ended)
    }
}

/// The counters behind [`Counts`].
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: AtomicU64,
    attempts: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    unpaid: AtomicU64,
}

impl Ledger {
    /// Counts a call; what becomes of it is counted once, at the latest when the answer is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        increment(&self.calls);
        Open {
            ledger: self.clone(),
            ended: None,
        }
    }

    pub(crate) fn attempt(&self) {
        increment(&self.attempts);
    }

    pub(crate) fn unpaid(&self) {
        increment(&self.unpaid);
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            calls: read(&self.calls),
            attempts: read(&self.attempts),
            succeeded: read(&self.succeeded),
            failed: read(&self.failed),
            cancelled: read(&self.cancelled),
            unpaid: read(&self.unpaid),
        }
    }
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Open {
    ledger: Arc<Ledger>,
    ended: Option<bool>,
}

impl Open {
    pub(crate) fn end(mut self, succeeded: bool) {
        self.ended = Some(succeeded);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        increment(match self.ended {
            Some(true) => &self.ledger.succeeded,
            Some(false) => &self.ledger.failed,
            None => &self.ledger.cancelled,
        });
    }
}

/// At a million a second a counter is full after half a million years.
fn increment(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
