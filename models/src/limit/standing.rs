//! How a key stands with its limit, and the header fields that say so.
//!
//! The fields are those of draft-ietf-httpapi-ratelimit-headers-06, the last revision with one field per
//! value: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`. Later revisions put all into one
//! structured field and change its form with each number; these three are what clients read today.
//! Seconds are whole and rounded up, so that whoever waits as told is admitted.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::Refused;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What a key may still spend at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The most cells that are admitted at once.
    pub limit: u32,
    /// So many are admitted at once now, and not one more.
    pub remaining: u32,
    /// How long until the whole limit is admitted at once again, if nothing is spent before: exactly
    /// then, and not a tick of the law earlier. Zero if it is now.
    pub reset: Duration,
}

impl Standing {
    /// The one that leaves less: fewer cells, and of equally few those that take longer to come back.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let order = |standing: &Self| (standing.remaining, std::cmp::Reverse(standing.reset));
        if order(&other) < order(&self) {
            other
        } else {
            self
        }
    }

    /// Writes the fields of an answer to an admitted call; older values are replaced.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(whole_seconds(self.reset)));
    }

    /// Writes the fields of a refusal. `Retry-After` says when the same call would pass, and
    /// `RateLimit-Reset` says the same instant, as the draft asks for. If waiting does not help there is
    /// no `Retry-After`.
    pub fn write_refusal(&self, refused: &Refused, headers: &mut HeaderMap) {
        self.write(headers);
        headers.remove(RETRY_AFTER);
        if let Some(wait) = refused.retry_after() {
            // Never zero, which would ask for a repetition at once.
            let seconds = HeaderValue::from(whole_seconds(wait).max(1));
            headers.insert(RETRY_AFTER, seconds.clone());
            headers.insert(RESET, seconds);
        }
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up)
}
