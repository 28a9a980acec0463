//! A stored answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::directives::Directives;
use super::vary::Selecting;

/// Added to every entry's weight: maps, pointers, instants.
const OVERHEAD: usize = 256;

/// Head, body and what the laws need to know of both.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) said: Directives,
    pub(super) selecting: Selecting,
    /// The age that the answer had when it came.
    pub(super) initial: Duration,
    /// When it came.
    pub(super) received: Instant,
    /// How long it is fresh, chance taken off.
    pub(super) lifetime: Duration,
}

impl Entry {
    pub(super) fn age(&self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.received);
        self.initial.saturating_add(since)
    }

    pub(super) fn can_be_validated(&self) -> bool {
        self.headers.contains_key(ETAG) || self.headers.contains_key(LAST_MODIFIED)
    }

    pub(super) fn weight(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len() + 64)
            .sum();
        let selecting = self.selecting.iter().flat_map(|(_, values)| values);
        let selecting: usize = selecting.map(String::len).sum();
        OVERHEAD + headers + selecting + self.body.len()
    }
}
