//! Durations and rates as a configuration writes them: strings with units.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Serialize, Serializer};

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

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let period = print_duration(self.period);
        // "50/s" instead of "50/1s".
        let period = match period.strip_prefix('1') {
            Some(unit) if unit.starts_with(|c: char| c.is_ascii_alphabetic()) => unit,
            _ => &period,
        };
        serializer.collect_str(&format_args!("{}/{period}", self.requests))
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text("requests per time, as in \"50/s\"", RATE)
    }
}

/// The texts that [`parse_duration`] reads, for editors.
const DURATION: &str =
    r"^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h|d))( *[0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h|d))*$";

const RATE: &str = r"^[0-9]+ */ *([0-9]+(\.[0-9]*)?)?(ns|us|µs|ms|s|m|h|d)$";

fn text(description: &str, pattern: &str) -> Schema {
    json_schema!({ "type": "string", "description": description, "pattern": pattern })
}

/// Prints a duration in the largest unit that needs no fraction.
fn print_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let fits = |unit: &&(&str, u64)| unit.0.is_ascii() && nanos.is_multiple_of(u128::from(unit.1));
    // The first unit is the nanosecond, which always fits.
    let (unit, size) = UNITS.iter().rev().find(fits).unwrap_or(&UNITS[0]);
    format!("{}{unit}", nanos / u128::from(*size))
}

/// For `#[serde(with)]` on a duration. It is a type, so that a schema finds its text by the same word.
#[expect(non_camel_case_types, reason = "serde's `with` reads like a module")]
pub enum duration {}

impl duration {
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

    /// Writes a duration as it would be read.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&print_duration(*value))
    }
}

impl JsonSchema for duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text(
            "a time with its unit, as in \"800ms\" or \"1m 30s\"",
            DURATION,
        )
    }
}

/// For `#[serde(with)]` on a duration that may be absent.
#[expect(non_camel_case_types, reason = "serde's `with` reads like a module")]
pub enum optional {}

impl optional {
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

    /// Writes a duration as it would be read, or nothing.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    pub fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => duration::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }
}

impl JsonSchema for optional {
    fn schema_name() -> Cow<'static, str> {
        duration::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        duration::json_schema(generator)
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

    #[test]
    fn durations_and_rates_are_written_as_they_are_read() {
        for text in ["800ms", "1500ms", "90s", "7us", "2h", "1d", "3ns", "0s"] {
            let read = parse_duration(text).expect("it is right");
            assert_eq!(print_duration(read), text);
        }
        for text in ["50/s", "10/5s", "3/m", "7/11ms"] {
            let read = parse_rate(text).expect("it is right");
            let written = serde_json::to_value(read).expect("text");
            assert_eq!(written, text);
        }
    }

    #[test]
    fn the_schema_accepts_what_is_read() {
        let duration = regex_lite::Regex::new(DURATION).expect("a pattern");
        let rate = regex_lite::Regex::new(RATE).expect("a pattern");
        for text in [
            "800ms", "1.5s", "1m 30s", "1m30s", "0s", "7us", "1h", "800", "", "-1s", "s1",
        ] {
            assert_eq!(
                duration.is_match(text),
                parse_duration(text).is_ok(),
                "{text}"
            );
        }
        for text in ["50/s", "100/m", "10/5s", "1 / s", "50", "/s", "5/", "-5/s"] {
            assert_eq!(rate.is_match(text), parse_rate(text).is_ok(), "{text}");
        }
    }
}
