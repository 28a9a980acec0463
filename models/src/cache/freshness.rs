//! Lifetime and age (RFC 9111, sections 4.2.1 to 4.2.3).

use std::time::Duration;

use http::header::{AGE, DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, StatusCode};

use super::date;
use super::directives::{Directives, number};
use super::rules::Rules;

/// Statuses whose answers may be kept for a time that they do not name (RFC 9110, section 15.1), those
/// of partial answers left out.
pub(super) fn is_heuristic(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Answers that say that there is nothing.
pub(super) fn is_negative(status: StatusCode) -> bool {
    matches!(status.as_u16(), 404 | 405 | 410 | 414 | 501)
}

/// What the answer says itself; none if it says nothing.
pub(super) fn explicit(
    said: &Directives,
    headers: &HeaderMap,
    received: Duration,
) -> Option<Duration> {
    if let Some(said) = said.s_maxage.or(said.max_age) {
        return Some(said);
    }
    headers.get(EXPIRES)?;
    // What is no date, and what is said twice, has passed.
    let expires = single(headers, &EXPIRES).and_then(date::parse).unwrap_or(0);
    let date = date_of(headers, received);
    Some(Duration::from_secs(expires).saturating_sub(date))
}

/// How long an answer is fresh, by the first that is there: `s-maxage`, `max-age`, `Expires`, a tenth of
/// its age since it was last changed. `received` is the wall clock's time since 1970.
pub(super) fn lifetime(
    status: StatusCode,
    said: &Directives,
    headers: &HeaderMap,
    received: Duration,
    rules: &Rules,
) -> Duration {
    let explicit = explicit(said, headers, received);
    if is_negative(status) {
        return explicit.map_or(rules.negative_ttl, |said| said.min(rules.negative_ttl));
    }
    explicit.unwrap_or_else(|| {
        let modified = single(headers, &LAST_MODIFIED).and_then(date::parse);
        match modified {
            Some(modified) if is_heuristic(status) => {
                date_of(headers, received).saturating_sub(Duration::from_secs(modified)) / 10
            }
            _ => Duration::ZERO,
        }
    })
}

/// The age on arrival: the larger of what the date shows and what `Age` says after the way here.
pub(super) fn initial_age(headers: &HeaderMap, received: Duration, took: Duration) -> Duration {
    let apparent = received.saturating_sub(date_of(headers, received));
    // Of several, the first is the one that counts.
    let age = headers.get(AGE).and_then(|value| value.to_str().ok());
    let age = age.and_then(|text| number(text.split(',').next()?.trim()));
    let corrected = Duration::from_secs(age.unwrap_or(0)).saturating_add(took);
    apparent.max(corrected)
}

/// An answer without a date is dated on arrival.
fn date_of(headers: &HeaderMap, received: Duration) -> Duration {
    let date = single(headers, &DATE).and_then(date::parse);
    date.map_or(received, Duration::from_secs)
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next()?;
    values.next().is_none().then(|| only.to_str().ok())?
}
