//! What a cache did with a request: for `Cache-Status` (RFC 9211) and for the counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Out of the store, fresh.
    Hit,
    /// Out of the store, stale, as client and answer allow.
    Stale,
    /// Out of the store, stale, because there is no better answer: degraded.
    Degraded,
    /// Out of the store, after the origin said that it did not change.
    Revalidated,
    /// Out of the store, after another request had filled it.
    Shared,
    /// By the origin.
    Miss,
    /// By the origin; the cache has no part in such requests.
    Bypass,
    /// With 504: only a stored answer was wanted, and there is none.
    Refused,
}

impl Found {
    const ALL: usize = 8;

    /// The value of `Cache-Status` for a cache of this name.
    pub(super) fn header(self, name: &str) -> String {
        let what = match self {
            Self::Hit => "hit",
            Self::Shared => "hit; detail=shared",
            Self::Stale => "hit; detail=stale",
            Self::Degraded => "hit; detail=degraded",
            Self::Revalidated => "hit; fwd=stale; fwd-status=304",
            Self::Miss => "fwd=miss",
            Self::Bypass => "fwd=bypass",
            Self::Refused => "detail=only-if-cached",
        };
        format!("{name}; {what}")
    }
}

/// How many requests were answered how; saturating.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; Found::ALL]);

impl Counts {
    pub(super) fn add(&self, found: Found) {
        let count = &self.0[found as usize];
        let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            Some(count.saturating_add(1))
        });
    }

    /// So many.
    pub fn of(&self, found: Found) -> u64 {
        self.0[found as usize].load(Ordering::Relaxed)
    }
}
