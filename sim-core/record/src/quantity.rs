//! Instants, durations and rates as a scenario writes them: integers of nanoseconds inside,
//! strings with units outside.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, ops, str::FromStr, time::Duration};

/// A length of simulated time in whole nanoseconds; `"1500ms"`, `"2s"`, `"1m 30s"` in text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// An instant of simulated time: nanoseconds since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

/// How often something happens; `"50/s"`, `"3/m"`, `"1/h"` in text.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

/// Why a text is not a quantity; completes "failed to read ...".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// There is no number where one belongs.
    #[error("`{0}` does not start with a number (write for example `{1}`)")]
    NoNumber(String, &'static str),
    /// The unit is missing or unknown.
    #[error("`{text}` has {} (use one of {known})", described(unit))]
    Unit {
        /// What was read.
        text: String,
        /// What stands where the unit belongs.
        unit: String,
        /// The units that would have been right.
        known: &'static str,
    },
    /// The number is negative, not finite or too large.
    #[error("`{0}` is out of range (0 to about 584 years)")]
    Range(String),
    /// The number of bytes is too large.
    #[error("`{0}` is too large (at most 16 million TiB)")]
    TooLarge(String),
    /// The number of bits in a second rounds to none.
    #[error("`{0}` is too slow (at least 1bit/s)")]
    TooSlow(String),
}

fn described(unit: &str) -> String {
    match unit {
        "" => "no unit".into(),
        unit => format!("no known unit, but `{unit}`"),
    }
}

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
const KNOWN_UNITS: &str = "ns, us, ms, s, m, h, d";

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span, about 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros * 1_000)
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000_000)
    }

    /// A span of a fractional number of seconds, rounded to the nearest nanosecond; negative and
    /// not-a-number give zero, too large gives [`Span::MAX`].
    pub fn from_secs_f64(secs: f64) -> Self {
        Self(libm::round(secs * 1e9) as u64)
    }

    /// The span in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The span in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span in milliseconds.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Product, saturating at [`Span::MAX`].
    pub fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// Difference, never below zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Product with a non-negative factor, rounded to the nearest nanosecond.
    pub fn mul_f64(self, factor: f64) -> Self {
        Self(libm::round(self.0 as f64 * factor) as u64)
    }
}

impl Moment {
    /// The instant at which the run begins.
    pub const START: Self = Self(0);
    /// Later than every instant of a run.
    pub const END: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Time since `earlier`, zero if that lies in the future.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl ops::Add<Span> for Moment {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl ops::Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Self::from_nanos(span.0)
    }
}

impl Rate {
    /// A rate of `count` per second.
    ///
    /// # Panics
    /// If `count` is negative or not finite.
    pub fn per_second(count: f64) -> Self {
        assert!(
            count.is_finite() && count >= 0.0,
            "a rate is finite and not negative"
        );
        Self(count)
    }

    /// How many per second.
    pub const fn as_per_second(self) -> f64 {
        self.0
    }
}

/// Splits a leading decimal number (digits, `_`, one point) from what follows it.
pub(crate) fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let number = text[..end].replace('_', "").parse().ok()?;
    Some((number, &text[end..]))
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text.trim();
        let mut total = 0u64;
        if rest.is_empty() {
            return Err(QuantityError::NoNumber(text.into(), "250ms"));
        }
        while !rest.is_empty() {
            let (number, after) = leading_number(rest)
                .ok_or_else(|| QuantityError::NoNumber(text.into(), "250ms"))?;
            let after = after.trim_start();
            let end = after
                .find(|c: char| !c.is_alphabetic())
                .unwrap_or(after.len());
            let unit = &after[..end];
            let scale = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .map(|(_, nanos)| *nanos)
                .ok_or_else(|| QuantityError::Unit {
                    text: text.into(),
                    unit: unit.into(),
                    known: KNOWN_UNITS,
                })?;
            let nanos = libm::round(number * scale as f64);
            if nanos >= u64::MAX as f64 {
                return Err(QuantityError::Range(text.into()));
            }
            total = total
                .checked_add(nanos as u64)
                .ok_or_else(|| QuantityError::Range(text.into()))?;
            rest = after[end..].trim_start();
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Span {
    /// The shortest exact form in one unit: `1500ms`, `2s`, `30us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) = [
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
        ]
        .into_iter()
        .chain([("ms", 1_000_000), ("us", 1_000)])
        .find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale))
        .unwrap_or(("ns", 1));
        if self.0 == 0 {
            return f.pad("0s");
        }
        f.pad(&format!("{}{unit}", self.0 / scale))
    }
}

impl fmt::Display for Moment {
    /// Seconds with as many decimals as needed, at least three: `41.203s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let digits = format!("{nanos:09}");
        let kept = digits.trim_end_matches('0').len().max(3);
        f.pad(&format!("{secs}.{}s", &digits[..kept]))
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, after) = leading_number(text.trim())
            .ok_or_else(|| QuantityError::NoNumber(text.into(), "50/s"))?;
        let unit = after.trim_start().trim_start_matches('/').trim();
        let per_second = match unit {
            "s" if after.contains('/') => number,
            "m" if after.contains('/') => number / 60.0,
            "h" if after.contains('/') => number / 3600.0,
            _ => {
                return Err(QuantityError::Unit {
                    text: text.into(),
                    unit: after.trim().into(),
                    known: "/s, /m, /h",
                });
            }
        };
        if !per_second.is_finite() {
            return Err(QuantityError::Range(text.into()));
        }
        Ok(Self(per_second))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/s", self.0))
    }
}

/// Gives a quantity its text form in serde and in JSON Schema.
macro_rules! as_text {
    ($type:ident, $what:literal, $pattern:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": $what,
                    "pattern": $pattern,
                })
            }
        }
    };
}

pub(crate) use as_text;

as_text!(
    Span,
    "a duration as a string with a unit, such as \"250ms\" (ns, us, ms, s, m, h, d)",
    r"^\s*([0-9][0-9_.]*\s*(ns|us|µs|ms|s|m|h|d)\s*)+$"
);
as_text!(
    Rate,
    "a rate as a string, such as \"50/s\" (/s, /m, /h)",
    r"^\s*[0-9][0-9_.]*\s*/\s*(s|m|h)\s*$"
);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Span(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Span::deserialize(deserializer).map(|span| Self(span.0))
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        Span::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Span::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print_in_units() {
        for (text, nanos, printed) in [
            ("250ms", 250_000_000, "250ms"),
            ("1.5s", 1_500_000_000, "1500ms"),
            ("1m 30s", 90_000_000_000, "90s"),
            ("30us", 30_000, "30us"),
            ("2h", 7_200_000_000_000, "2h"),
            ("0s", 0, "0s"),
            ("1_000 ms", 1_000_000_000, "1s"),
        ] {
            let span: Span = text.parse().expect(text);
            assert_eq!(
                (span.as_nanos(), span.to_string().as_str()),
                (nanos, printed),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_the_right_alternative() {
        for (text, hint) in [
            ("10", "use one of ns"),
            ("10sec", "`sec`"),
            ("soon", "250ms"),
        ] {
            let error = text.parse::<Span>().expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
        assert!("-5s".parse::<Span>().is_err());
        assert!("99999999999999d".parse::<Span>().is_err());
    }

    #[test]
    fn rates_read_per_second_minute_and_hour() {
        for (text, rate) in [("50/s", 50.0), ("3/m", 0.05), ("36 / h", 0.01)] {
            assert_eq!(text.parse::<Rate>().expect(text).as_per_second(), rate);
        }
        assert!("50".parse::<Rate>().is_err());
    }
}
