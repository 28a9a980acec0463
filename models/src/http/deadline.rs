//! Deadlines across a hop: absolute inside a process, relative on the wire.
//!
//! The header carries whole milliseconds, rounded down, so that the callee never believes it has longer
//! than the caller will wait; clocks of two hosts are never compared.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

/// The header, with the milliseconds that are left.
pub const HEADER: &str = "x-deadline-ms";

/// More than a day left says no more than no deadline, and cannot overflow an instant.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The caller's deadline, counted from `received`. A missing or unreadable header is none; of several
/// the earliest counts.
pub fn read(headers: &HeaderMap, received: Instant) -> Option<Instant> {
    let said = headers
        .get_all(HEADER)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let left = said.filter_map(parse).min()?;
    Some(received + left)
}

fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits that overflow a u64 are a long time, not nonsense.
    let millis = text.parse().unwrap_or(u64::MAX);
    Some(Duration::from_millis(millis).min(LONGEST))
}

/// Writes what is left of `deadline` at `now`, over whatever the header said; `false` (and no header) if
/// less than a millisecond is left, in which case there is no point in calling.
pub fn write(headers: &mut HeaderMap, deadline: Instant, now: Instant) -> bool {
    let name = HeaderName::from_static(HEADER);
    headers.remove(&name);
    let left = deadline.saturating_duration_since(now).min(LONGEST);
    let Ok(millis @ 1..) = u64::try_from(left.as_millis()) else {
        return false;
    };
    headers.insert(name, HeaderValue::from(millis));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(now: Instant, values: &[&str]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).unwrap());
        }
        read(&headers, now).map(|deadline| deadline - now)
    }

    #[tokio::test]
    async fn what_is_left_is_rounded_down_on_the_wire() {
        let now = Instant::now();
        let mut headers = HeaderMap::new();
        assert!(write(&mut headers, now + Duration::from_micros(2_999), now));
        assert_eq!(headers[HEADER], "2");
        assert_eq!(read(&headers, now), Some(now + Duration::from_millis(2)));
    }

    #[tokio::test]
    async fn less_than_a_millisecond_is_not_sent() {
        let now = Instant::now();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static("900"));
        assert!(!write(&mut headers, now + Duration::from_micros(999), now));
        assert!(headers.is_empty());
        assert!(!write(&mut headers, now, now + Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn nonsense_is_no_deadline_and_the_earliest_of_several_counts() {
        let now = Instant::now();
        for nonsense in ["", "-1", "+1", "1.5", "1s", "0x10"] {
            assert_eq!(read_at(now, &[nonsense]), None, "{nonsense}");
        }
        assert_eq!(
            read_at(now, &["70", "50", "x"]),
            Some(Duration::from_millis(50))
        );
        assert_eq!(read_at(now, &["0"]), Some(Duration::ZERO));
        assert_eq!(read_at(now, &["99999999999999999999999"]), Some(LONGEST));
    }
}
