//! What became of all calls that were offered to a gate.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Outcome;

/// How an admitted call ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// Its caller told the outcome.
    Told(Outcome),
    /// Its permit was dropped.
    Cancelled,
}

/// Calls since a gate was built. Every count saturates. Once nothing is under way it holds that
/// `offered = refused + admitted` and `admitted = succeeded + failed + throttled + excluded + cancelled`;
/// while calls run, the numbers may have been read on either side of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Asked for.
    pub offered: u64,
    /// Not admitted.
    pub refused: u64,
    /// Admitted.
    pub admitted: u64,
    /// Admitted only because the breaker just measures: its law would have refused them.
    pub would_have_refused: u64,
    /// Told as successes.
    pub succeeded: u64,
    /// Told as failures.
    pub failed: u64,
    /// Told as throttled, whatever the policy makes of it.
    pub throttled: u64,
    /// Told as excluded.
    pub excluded: u64,
    /// Given up: the permit was dropped and told nothing.
    pub cancelled: u64,
}

impl Totals {
    /// Admitted calls that ended.
    pub const fn ended(&self) -> u64 {
        let told = self.succeeded.saturating_add(self.failed);
        let others = self.throttled.saturating_add(self.excluded);
        told.saturating_add(others).saturating_add(self.cancelled)
    }

    /// Admitted calls that did not end yet.
    pub const fn in_flight(&self) -> u64 {
        self.admitted.saturating_sub(self.ended())
    }
}

/// The counters behind [`Totals`]; they need no lock.
#[derive(Debug, Default)]
pub(super) struct Meters {
    offered: AtomicU64,
    refused: AtomicU64,
    admitted: AtomicU64,
    would_have_refused: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    throttled: AtomicU64,
    excluded: AtomicU64,
    cancelled: AtomicU64,
}

impl Meters {
    pub(super) fn offer(&self) {
        bump(&self.offered);
    }

    pub(super) fn refuse(&self) {
        bump(&self.refused);
    }

    pub(super) fn admit(&self, tolerated: bool) {
        bump(&self.admitted);
        if tolerated {
            bump(&self.would_have_refused);
        }
    }

    pub(super) fn end(&self, ending: Ending) {
        bump(match ending {
            Ending::Told(Outcome::Success) => &self.succeeded,
            Ending::Told(Outcome::Failure) => &self.failed,
            Ending::Told(Outcome::Throttled { .. }) => &self.throttled,
            Ending::Told(Outcome::Excluded) => &self.excluded,
            Ending::Cancelled => &self.cancelled,
        });
    }

    pub(super) fn totals(&self) -> Totals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Totals {
            offered: read(&self.offered),
            refused: read(&self.refused),
            admitted: read(&self.admitted),
            would_have_refused: read(&self.would_have_refused),
            succeeded: read(&self.succeeded),
            failed: read(&self.failed),
            throttled: read(&self.throttled),
            excluded: read(&self.excluded),
            cancelled: read(&self.cancelled),
        }
    }
}

fn bump(count: &AtomicU64) {
    // At its end it stays there.
    let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_add(1));
}
