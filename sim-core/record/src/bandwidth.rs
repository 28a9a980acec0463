//! How fast a link is, as network people write it: bits in each second.

use crate::quantity::{QuantityError, as_text, leading_number};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

/// How many bits a link carries in a second; `"10Mbit/s"` in text. It is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth(u64);

const UNITS: [(&str, u64); 4] = [
    ("Gbit/s", 1_000_000_000),
    ("Mbit/s", 1_000_000),
    ("kbit/s", 1_000),
    ("bit/s", 1),
];
const KNOWN_UNITS: &str = "bit/s, kbit/s, Mbit/s, Gbit/s";

impl Bandwidth {
    /// So many bits in each second; at least one.
    pub const fn from_bits_per_second(bits: u64) -> Self {
        Self(if bits == 0 { 1 } else { bits })
    }

    /// So many million bits in each second; at least one bit.
    pub const fn from_mbit(count: u64) -> Self {
        Self::from_bits_per_second(count * 1_000_000)
    }

    /// How many bits in each second.
    pub const fn as_bits_per_second(self) -> u64 {
        self.0
    }

    /// How many nanoseconds so many bytes take.
    pub fn nanos_for(self, bytes: u64) -> u64 {
        let nanos = u128::from(bytes) * 8_000_000_000 / u128::from(self.0);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// How many whole bytes pass in so many nanoseconds.
    pub fn bytes_in(self, nanos: u64) -> u64 {
        let bytes = u128::from(nanos) * u128::from(self.0) / 8_000_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl FromStr for Bandwidth {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = leading_number(text.trim())
            .ok_or_else(|| QuantityError::NoNumber(text.into(), "10Mbit/s"))?;
        let unit = unit.trim();
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, scale) = known.ok_or_else(|| QuantityError::Unit {
            text: text.into(),
            unit: unit.into(),
            known: KNOWN_UNITS,
        })?;
        let bits = libm::round(number * *scale as f64);
        if bits < 1.0 {
            return Err(QuantityError::TooSlow(text.into()));
        }
        if bits >= u64::MAX as f64 {
            return Err(QuantityError::TooLarge(text.into()));
        }
        Ok(Self(bits as u64))
    }
}

impl fmt::Display for Bandwidth {
    /// The shortest exact form in one unit: `10Mbit/s`, `1500kbit/s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, scale): &(&str, u64)| self.0.is_multiple_of(*scale);
        let (unit, scale) = UNITS.into_iter().find(fits).unwrap_or(("bit/s", 1));
        f.pad(&format!("{}{unit}", self.0 / scale))
    }
}

as_text!(
    Bandwidth,
    "a bandwidth as a string, such as \"10Mbit/s\" (bit/s, kbit/s, Mbit/s, Gbit/s)",
    r"^\s*[0-9][0-9_.]*\s*[kMG]?bit/s\s*$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_read_and_print_in_units() {
        for (text, bits, printed) in [
            ("10Mbit/s", 10_000_000, "10Mbit/s"),
            ("1.5 Gbit/s", 1_500_000_000, "1500Mbit/s"),
            ("56kbit/s", 56_000, "56kbit/s"),
            ("1_001bit/s", 1_001, "1001bit/s"),
        ] {
            let bandwidth: Bandwidth = text.parse().expect(text);
            let told = (bandwidth.as_bits_per_second(), bandwidth.to_string());
            assert_eq!(told, (bits, printed.to_owned()), "{text}");
            assert_eq!(printed.parse::<Bandwidth>().expect(printed), bandwidth);
        }
    }

    #[test]
    fn bytes_take_their_time() {
        let bandwidth = Bandwidth::from_mbit(10);
        assert_eq!(bandwidth.nanos_for(1_250_000), 1_000_000_000);
        assert_eq!(bandwidth.bytes_in(1_000_000), 1_250);
        assert_eq!(
            Bandwidth::from_bits_per_second(1).nanos_for(u64::MAX),
            u64::MAX
        );
    }

    #[test]
    fn what_is_no_bandwidth_is_refused_with_the_right_alternative() {
        for (text, hint) in [
            ("10", "use one of bit/s"),
            ("10MB/s", "Mbit/s"),
            ("fast", "10Mbit/s"),
            ("0Mbit/s", "too slow"),
        ] {
            let error = text.parse::<Bandwidth>().expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
