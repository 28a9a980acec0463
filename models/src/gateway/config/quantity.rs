//! Durations and rates as a configuration writes them: strings with units.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// So many requests in such a time; `"50/s"`, `"100/m"`, `"10/5s"` in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests in one period.
    pub requests: u32,
    /// The period's length.
    pub period: Duration,
}

/// Reads `"800ms"`, `"1.5s"`, `"1m 30s"`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("empty (write a number and a unit, as in `800ms`)".to_owned());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| c.is_ascii_digit() || c == ' ')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let part = part(number, unit)?;
        total = total
            .checked_add(part)
            .ok_or_else(|| format!("`{text}` is too long"))?;
        rest = tail.trim_start();
    }
    Ok(total)
}

fn part(number: &str, unit: &str) -> Result<Duration, String> {
    let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!(
            "`{number}{unit}` has no known unit (use ns, us, ms, s, m, h or d)"
        ));
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let wrong = || format!("`{number}` is not a number");
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let mut total = whole
        .checked_mul(*nanos)
        .ok_or_else(|| format!("`{number}{unit}` is too long"))?;
    let mut unit = *nanos;
    for digit in fraction.chars() {
        // Digits below a nanosecond count nothing; integers only, so that no text is rounded up.
        unit /= 10;
        let digit = digit.to_digit(10).ok_or_else(wrong)?;
        total = total.saturating_add(unit * u64::from(digit));
    }
    Ok(Duration::from_nanos(total))
}

/// Reads `"50/s"`, `"100/m"`, `"10/5s"`.
fn parse_rate(text: &str) -> Result<Rate, String> {
    let hint = || format!("`{text}` is not a rate (write requests per time, as in `50/s`)");
    let (requests, period) = text.split_once('/').ok_or_else(hint)?;
    let requests = requests.trim().parse().map_err(|_| hint())?;
    let period = period.trim();
    let with_number = period.starts_with(|c: char| c.is_ascii_digit());
    let period = if with_number {
        period.to_owned()
    } else {
        format!("1{period}")
    };
    Ok(Rate {
        requests,
        period: parse_duration(&period)?,
    })
}

struct Text<T> {
    what: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

impl<'de> de::Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text {
            what: "a rate such as \"50/s\"",
            parse: parse_rate,
        })
    }
}

/// For `#[serde(with)]` on a duration.
pub mod duration {
    use super::{Deserializer, Duration, Text, parse_duration};

    /// Reads a duration from a string with units.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and what would be right.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let what = "a duration such as \"800ms\"";
        deserializer.deserialize_str(Text {
            what,
            parse: parse_duration,
        })
    }
}

/// For `#[serde(with)]` on a duration that may be absent.
pub mod optional {
    use super::{Deserializer, Duration, duration};

    /// Reads a duration from a string with units.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and what would be right.
    pub fn deserialize<'de, D>(deserializer: D) -> Result<Option<Duration>, D::Error>
    where
        D: Deserializer<'de>,
    {
        duration::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, nanos) in [
            ("800ms", 800_000_000),
            ("1.5s", 1_500_000_000),
            ("1m 30s", 90_000_000_000),
            ("1m30s", 90_000_000_000),
            ("0s", 0),
            ("7us", 7_000),
            ("0.0000000019s", 1),
            ("1h", 3_600_000_000_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_nanos(nanos)),
                "{text}"
            );
        }
    }

    #[test]
    fn nonsense_says_what_would_be_right() {
        assert!(
            parse_duration("800")
                .unwrap_err()
                .contains("use ns, us, ms")
        );
        for text in ["", "ms", "-1s", "1..2s", "s1", "1 s", "99999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["50", "/s", "5/", "-5/s", "1.5/s"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_requests_per_time() {
        let rate = |requests, secs| Rate {
            requests,
            period: Duration::from_secs(secs),
        };
        assert_eq!(parse_rate("50/s"), Ok(rate(50, 1)));
        assert_eq!(parse_rate("100/m"), Ok(rate(100, 60)));
        assert_eq!(parse_rate("10/5s"), Ok(rate(10, 5)));
    }
}
