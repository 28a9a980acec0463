//! A mark on requests that somebody repeats, so that one layer retries and not every one.
//!
//! Three attempts by each of three layers are 27 calls of the innermost service. Whoever would repeat a
//! request says so on each attempt; whoever gets such a request makes one attempt of it. A gateway at the
//! edge takes the mark from requests of strangers if it does not want them to decide that.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header, with the number of the attempt from 1. It is there on first attempts, too: what counts is
/// that another one would follow.
pub const HEADER: &str = "x-retry-attempt";

/// Writes the number of an attempt, over whatever the header said.
pub fn mark(headers: &mut HeaderMap, attempt: u32) {
    let name = HeaderName::from_static(HEADER);
    headers.insert(name, HeaderValue::from(attempt));
}

/// Whether a layer further out repeats the request.
pub fn is_marked(headers: &HeaderMap) -> bool {
    headers.contains_key(HEADER)
}
