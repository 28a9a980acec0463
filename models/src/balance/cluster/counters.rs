//! What a cluster counts: every call that asked for an endpoint is either picked for or refused.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls since the cluster was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// An endpoint was picked.
    pub picked: u64,
    /// Of those, in a priority in panic.
    pub in_panic: u64,
    /// Nobody could be picked.
    pub refused: u64,
}

impl Counters {
    /// Calls that asked for an endpoint.
    pub const fn offered(&self) -> u64 {
        self.picked.saturating_add(self.refused)
    }
}

/// The counters while they count.
#[derive(Debug, Default)]
pub(super) struct Counting {
    picked: AtomicU64,
    in_panic: AtomicU64,
    refused: AtomicU64,
}

impl Counting {
    pub(super) fn picked(&self, is_in_panic: bool) {
        self.picked.fetch_add(1, Ordering::Relaxed);
        self.in_panic
            .fetch_add(is_in_panic.into(), Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counters {
        Counters {
            picked: self.picked.load(Ordering::Relaxed),
            in_panic: self.in_panic.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
