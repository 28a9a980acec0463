//! `Cache-Control` of requests and responses (RFC 9111, section 5.2; RFC 5861).

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};

/// The longest time that is told apart; the RFC's bound for numbers that overflow.
const FOREVER: u64 = 1 << 31;

/// What a message's `Cache-Control` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) s_maxage: Option<Duration>,
    pub(super) min_fresh: Option<Duration>,
    /// Without a number: any staleness.
    pub(super) max_stale: Option<Duration>,
    pub(super) while_revalidate: Option<Duration>,
    pub(super) if_error: Option<Duration>,
}

impl Directives {
    /// Of a request: `Pragma: no-cache` counts where there is no `Cache-Control`.
    pub(super) fn of_request(headers: &HeaderMap) -> Self {
        let mut found = Self::of_response(headers);
        if !headers.contains_key(CACHE_CONTROL) {
            let pragma = headers.get_all(PRAGMA).iter();
            found.no_cache = pragma
                .filter_map(|value| value.to_str().ok())
                .flat_map(|text| text.split(','))
                .any(|word| word.trim().eq_ignore_ascii_case("no-cache"));
        }
        found
    }

    pub(super) fn of_response(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            match value.to_str() {
                Ok(text) => members(text).for_each(|member| found.read(member)),
                // What cannot be read may have forbidden anything.
                Err(_) => found.no_store = true,
            }
        }
        found
    }

    fn read(&mut self, member: &str) {
        let (name, value) = match member.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (member.trim(), None),
        };
        match &*name.to_ascii_lowercase() {
            "no-store" => self.no_store = true,
            // With field names these are about those fields alone; the whole answer is the safe reading.
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" => shorter(&mut self.max_age, seconds(value)),
            "s-maxage" => shorter(&mut self.s_maxage, seconds(value)),
            "min-fresh" => {
                // A wish that cannot be read is taken for the strictest.
                let wish = value.and_then(number).unwrap_or(FOREVER);
                self.min_fresh = self.min_fresh.max(Some(Duration::from_secs(wish)));
            }
            "max-stale" => {
                let any = Duration::from_secs(FOREVER);
                shorter(
                    &mut self.max_stale,
                    if value.is_none() { any } else { seconds(value) },
                );
            }
            "stale-while-revalidate" => shorter(&mut self.while_revalidate, seconds(value)),
            "stale-if-error" => shorter(&mut self.if_error, seconds(value)),
            _ => {}
        }
    }
}

/// Of two that contradict each other the shorter one counts.
fn shorter(held: &mut Option<Duration>, said: Duration) {
    *held = Some(held.map_or(said, |held| held.min(said)));
}

/// What cannot be read is zero: stale.
fn seconds(value: Option<&str>) -> Duration {
    Duration::from_secs(value.and_then(number).unwrap_or(0))
}

pub(super) fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(FOREVER).min(FOREVER))
}

/// Splits at commas outside of quotes.
fn members(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.filter(|part| !part.trim().is_empty())
}
