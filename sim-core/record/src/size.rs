//! Numbers of bytes as a scenario writes them: integers inside, strings with units outside.

use crate::quantity::{QuantityError, as_text, leading_number};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

/// A number of bytes; `"512B"`, `"64KiB"`, `"2MiB"`, `"1GiB"` in text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// How many bytes pass in a second; `"200MiB/s"` in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Throughput(Size);

const UNITS: [(&str, u64); 9] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("kB", 1_000),
    ("TiB", 1 << 40),
    ("B", 1),
];
const KNOWN_UNITS: &str = "B, KiB, MiB, GiB, TiB, KB, MB, GB";

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many units of 1,024 bytes.
    pub const fn from_kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many units of 1,048,576 bytes.
    pub const fn from_mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// How many bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl Throughput {
    /// So many bytes in each second.
    pub const fn per_second(size: Size) -> Self {
        Self(size)
    }

    /// How many bytes in each second.
    pub const fn as_bytes_per_second(self) -> u64 {
        self.0.0
    }

    /// How many nanoseconds so many bytes take.
    ///
    /// # Panics
    /// If nothing passes at all.
    pub fn nanos_for(self, bytes: u64) -> u64 {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.0.0);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = leading_number(text.trim())
            .ok_or_else(|| QuantityError::NoNumber(text.into(), "64MiB"))?;
        let unit = unit.trim();
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, scale) = known.ok_or_else(|| QuantityError::Unit {
            text: text.into(),
            unit: unit.into(),
            known: KNOWN_UNITS,
        })?;
        let bytes = libm::round(number * *scale as f64);
        if bytes >= u64::MAX as f64 {
            return Err(QuantityError::TooLarge(text.into()));
        }
        Ok(Self(bytes as u64))
    }
}

impl FromStr for Throughput {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = text.trim();
        let size = whole.strip_suffix("/s").map(str::trim_end);
        let size = size.ok_or_else(|| QuantityError::Unit {
            text: text.into(),
            unit: leading_number(whole)
                .map_or("", |(_, unit)| unit.trim())
                .into(),
            known: "B/s, KiB/s, MiB/s, GiB/s, KB/s, MB/s, GB/s",
        })?;
        size.parse().map(Self)
    }
}

impl fmt::Display for Size {
    /// The shortest exact form in one unit: `2MiB`, `1500B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let fits = |(_, bits): &(&str, u32)| self.0 > 0 && self.0.trailing_zeros() >= *bits;
        let (unit, bits) = binary.into_iter().find(fits).unwrap_or(("B", 0));
        f.pad(&format!("{}{unit}", self.0 >> bits))
    }
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/s", self.0))
    }
}

as_text!(
    Size,
    "a number of bytes as a string with a unit, such as \"64MiB\" (B, KiB, MiB, GiB, TiB, KB, MB, GB)",
    r"^\s*[0-9][0-9_.]*\s*([KMGT]iB|[kKMG]?B)\s*$"
);
as_text!(
    Throughput,
    "a throughput as a string, such as \"200MiB/s\"",
    r"^\s*[0-9][0-9_.]*\s*([KMGT]iB|[kKMG]?B)\s*/s\s*$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print_in_units() {
        for (text, bytes, printed) in [
            ("512B", 512, "512B"),
            ("64 KiB", 64 << 10, "64KiB"),
            ("1.5MiB", 3 << 19, "1536KiB"),
            ("2GB", 2_000_000_000, "1953125KiB"),
            ("1TiB", 1 << 40, "1TiB"),
            ("0B", 0, "0B"),
            ("3B", 3, "3B"),
        ] {
            let size: Size = text.parse().expect(text);
            let told = (size.as_bytes(), size.to_string());
            assert_eq!(told, (bytes, printed.to_owned()), "{text}");
            assert_eq!(printed.parse::<Size>().expect(printed), size);
        }
    }

    #[test]
    fn a_throughput_is_a_size_in_each_second() {
        let throughput: Throughput = "200MiB/s".parse().expect("a throughput");
        assert_eq!(throughput.as_bytes_per_second(), 200 << 20);
        assert_eq!(throughput.to_string(), "200MiB/s");
        assert_eq!(throughput.nanos_for(100 << 20), 500_000_000);
    }

    #[test]
    fn what_is_no_size_is_refused_with_the_right_alternative() {
        for (text, hint) in [("10", "use one of B"), ("10Mb", "`Mb`"), ("much", "64MiB")] {
            let error = text.parse::<Size>().expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
        assert!("99999999999TiB".parse::<Size>().is_err());
        let error = "200MiB".parse::<Throughput>().expect_err("no time");
        assert!(error.to_string().contains("MiB/s"), "{error}");
    }
}
