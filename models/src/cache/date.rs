//! Dates of HTTP (RFC 9110, section 5.6.7), as seconds since 1970; the wall clock is injected.

use std::time::Duration;

use tokio::time::Instant;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// What the wall clock shows at an instant: it was read once and runs on with the instants.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    at: Instant,
    unix: Duration,
}

impl Wall {
    /// The wall clock shows `unix` since 1970 at the instant `at`.
    pub const fn new(at: Instant, unix: Duration) -> Self {
        Self { at, unix }
    }

    /// Since 1970, at `now`; instants before the anchor count as the anchor.
    pub(super) fn unix(&self, now: Instant) -> Duration {
        self.unix
            .saturating_add(now.saturating_duration_since(self.at))
    }
}

/// Reads one of the three forms; none if it is no date.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let words: Vec<&str> = text
        .split([' ', '-', ','])
        .filter(|word| !word.is_empty())
        .collect();
    match words[..] {
        [_, day, month, year, time, "GMT"] => {
            let year = match year.len() {
                4 => number(year)?,
                // The obsolete form has two digits.
                2 => {
                    let year = number(year)?;
                    if year < 70 { 2000 + year } else { 1900 + year }
                }
                _ => return None,
            };
            seconds(year, month, number(day)?, time)
        }
        [_, month, day, time, year] if year.len() == 4 => {
            seconds(number(year)?, month, number(day)?, time)
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn seconds(year: u64, month: &str, day: u64, time: &str) -> Option<u64> {
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts[..] else {
        return None;
    };
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    let legal = (1970..=9999).contains(&year) && (1..=31).contains(&day);
    if !legal || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years begin in March here, so that the leap day is the last one.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    // Day 719,468 of this count is the first of January 1970.
    let days = days.checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}
