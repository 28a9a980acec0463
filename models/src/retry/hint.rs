//! What a server says about when to come again: `Retry-After` (RFC 9110, section 10.2.3), the push-back
//! of gRPC (proposal A6), the end of a rate limit's window.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

use super::Wish;

/// gRPC's push-back, in milliseconds.
const PUSH_BACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The seconds until the window of a rate limit ends (IETF draft "RateLimit header fields").
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The same as many services had it before, in seconds or as a Unix time.
const OLD_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Longer windows are Unix times: nobody's window is 31 years long.
const UNIX_TIMES: u64 = 1_000_000_000;

/// All a server says. A push-back has the last word; of the others the longer one counts.
pub fn wish(headers: &HeaderMap) -> Wish {
    if headers.contains_key(PUSH_BACK) {
        return push_back(headers);
    }
    let pauses = [retry_after(headers), rate_limit_reset(headers)];
    pauses.into_iter().flatten().max().into()
}

/// gRPC's push-back: milliseconds, or not again if it is negative, unreadable or said twice.
pub fn push_back(headers: &HeaderMap) -> Wish {
    let mut said = headers.get_all(PUSH_BACK).iter();
    let Some(first) = said.next() else {
        return Wish::None;
    };
    let text = first.to_str().ok().filter(|_| said.next().is_none());
    match text.and_then(digits) {
        Some(millis) => Wish::After(Duration::from_millis(millis)),
        None => Wish::Never,
    }
}

/// How long the window of a rate limit still lasts. A Unix time is measured against the `Date` of the same
/// answer. Negative and unreadable values are no wish.
pub fn rate_limit_reset(headers: &HeaderMap) -> Option<Duration> {
    let said = text(headers, &RESET).or_else(|| text(headers, &OLD_RESET));
    let secs = digits(said?)?;
    if secs < UNIX_TIMES {
        return Some(Duration::from_secs(secs));
    }
    let then = secs.saturating_add(days(1970, 0, 1) * 24 * 60 * 60);
    Some(Duration::from_secs(then.saturating_sub(sent(headers)?)))
}

/// The pause a server asks for, in whole seconds or as a date. A date is measured against the `Date` of
/// the same answer, so that only the server's clock matters; without one it is no wish, and a date that
/// has passed there means at once. Negative and unreadable values are no wish.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    if let Some(secs) = digits(text) {
        return Some(Duration::from_secs(secs));
    }
    let then = seconds(text)?;
    let now = sent(headers)?;
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// A number without a sign; more than 64 bits hold is a great number, not nonsense.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u64::MAX))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn sent(headers: &HeaderMap) -> Option<u64> {
    seconds(text(headers, &DATE)?)
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Seconds since 1 March of the year 0 for a date like `Sun, 06 Nov 1994 08:49:37 GMT`. Servers have to
/// write this form; the two obsolete ones are not read.
fn seconds(date: &str) -> Option<u64> {
    let (_, date) = date.split_once(", ")?;
    let parts: Vec<&str> = date.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let (day, year) = (number(day, 2, 1..=31)?, number(year, 4, 1..=9999)?);
    let clock: Vec<&str> = time.split(':').collect();
    let [hours, minutes, seconds] = clock[..] else {
        return None;
    };
    let hours = number(hours, 2, 0..=23)?;
    let minutes = number(minutes, 2, 0..=59)?;
    let seconds = number(seconds, 2, 0..=60)?;
    Some(((days(year, month, day) * 24 + hours) * 60 + minutes) * 60 + seconds)
}

/// Days since 1 March of the year 0; `month` counts from 0 for January. A year that begins in March has
/// its leap day at its end, and its months repeat 31, 30, 31, 30, 31 days.
const fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = match month {
        0 | 1 => (year - 1, month + 10),
        _ => (year, month - 2),
    };
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
}

fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| plain)?;
    range.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_far_apart_as_the_calendar_says() {
        let at = |text| seconds(text).unwrap();
        let epoch = at("Thu, 01 Jan 1970 00:00:00 GMT");
        // The example of RFC 9110, and the last second of a leap day.
        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT") - epoch, 784_111_777);
        assert_eq!(at("Thu, 29 Feb 2024 23:59:59 GMT") - epoch, 1_709_251_199);
        assert_eq!(at("Fri, 01 Mar 2024 00:00:00 GMT") - epoch, 1_709_251_200);
        assert_eq!(at("Fri, 31 Dec 1999 23:59:59 GMT") - epoch, 946_684_799);
    }

    #[test]
    fn what_is_no_date_of_the_one_form_is_not_read() {
        for text in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
