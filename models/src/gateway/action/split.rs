//! Weighted splits: canaries and blue-green.

use std::sync::Arc;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};
use xxhash_rust::xxh3::xxh3_64;

use super::super::config::{self, Stick};
use super::super::route::header;
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

#[derive(Debug)]
enum Stickiness {
    Client,
    Header(HeaderName),
    Cookie(String),
}

impl Split {
    pub(super) fn new(split: &config::Split, upstreams: &Upstreams, seed: u64) -> Option<Self> {
        let mut total = 0;
        let mut to = Vec::with_capacity(split.to.len());
        for share in &split.to {
            total += u64::from(share.weight);
            to.push((total, upstreams.get(&share.upstream)?.clone()));
        }
        let sticky = split.sticky.as_ref().map(|stick| match stick {
            Stick::Client => Stickiness::Client,
            Stick::Header(name) => Stickiness::Header(header(name)),
            Stick::Cookie(name) => Stickiness::Cookie(name.clone()),
        });
        Some(Self {
            to,
            total,
            sticky,
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
        let draw = sticky.and_then(|sticky| sticky.hash(headers, client));
        let place = below(draw.unwrap_or_else(|| self.draws.draw()), self.total);
        let mut to = self.to.iter();
        to.find(|(end, _)| place < *end)
            .map(|(_, upstream)| upstream)
    }
}

impl Stickiness {
    fn hash(&self, headers: &HeaderMap, client: &Client) -> Option<u64> {
        match self {
            Self::Client => Some(xxh3_64(client.to_string().as_bytes())),
            Self::Header(name) => headers.get(name).map(|value| xxh3_64(value.as_bytes())),
            Self::Cookie(name) => cookie(headers, name).map(|value| xxh3_64(value.as_bytes())),
        }
    }
}

/// The value of a cookie of this name, the first one that was sent (RFC 6265, section 4.2).
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(found, value)| (found == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_first_cookie_of_a_name_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; session=x=y"));
        headers.append(COOKIE, HeaderValue::from_static("session=z; asession=w"));
        assert_eq!(cookie(&headers, "session"), Some("x=y"));
        assert_eq!(cookie(&headers, "a"), Some("1"));
        assert_eq!(cookie(&headers, "b"), None);
    }
}
