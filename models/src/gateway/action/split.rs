//! Weighted splits: canaries and blue-green.

use std::sync::Arc;

use http::HeaderMap;
use xxhash_rust::xxh3::xxh3_64;

use super::super::config;
use super::super::stick::Stickiness;
use super::super::upstream::Upstream;
use super::Upstreams;
use super::stratified::{Stratified, below};
use crate::gateway::Client;

/// Upstreams with their shares.
pub(in crate::gateway) struct Split {
    /// Each with the sum of the weights up to and including its own.
    to: Vec<(u64, Arc<Upstream>)>,
    total: u64,
    sticky: Option<Stickiness>,
    draws: Stratified,
}

impl Split {
    pub(super) fn new(split: &config::Split, upstreams: &Upstreams, seed: u64) -> Option<Self> {
        let mut total = 0;
        let mut to = Vec::with_capacity(split.to.len());
        for share in &split.to {
            total += u64::from(share.weight);
            to.push((total, upstreams.get(&share.upstream)?.clone()));
        }
        Some(Self {
            to,
            total,
            sticky: split.sticky.as_ref().map(Stickiness::new),
            draws: Stratified::new(seed),
        })
    }

    /// The upstream of one request; none if no upstream has a weight. A request without what the split
    /// sticks to is dealt out like any other.
    pub(in crate::gateway) fn choose(
        &self,
        headers: &HeaderMap,
        client: &Client,
    ) -> Option<&Arc<Upstream>> {
        let sticky = self.sticky.as_ref();
        let draw = sticky.and_then(|sticky| sticky.key(headers, client, xxh3_64));
        let place = below(draw.unwrap_or_else(|| self.draws.draw()), self.total);
        let mut to = self.to.iter();
        to.find(|(end, _)| place < *end)
            .map(|(_, upstream)| upstream)
    }
}
