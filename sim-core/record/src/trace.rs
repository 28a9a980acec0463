//! The id that a request has in common with its repetitions and with all that it causes.

use crate::{
    canonical::{Canonical, Decode, NotCanonical, Sink},
    stream::Stream,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

/// A trace id as W3C Trace Context has it: 128 bits, never zero; prints as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub u128);

impl TraceId {
    /// The next id of a stream.
    pub fn drawn(stream: &mut Stream) -> Self {
        let (high, low) = (stream.next_u64(), stream.next_u64());
        // All-zero is no id; a stream that draws it gets one instead.
        Self((u128::from(high) << 64 | u128::from(low)).max(1))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Why a text is not a trace id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a trace id (32 lower-case hexadecimal digits, not all zero)")]
pub struct TraceIdError(String);

impl FromStr for TraceId {
    type Err = TraceIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fits = text.len() == 32 && text.bytes().all(is_digit);
        let value = fits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        let value = value.filter(|value| *value != 0);
        value.map(Self).ok_or_else(|| TraceIdError(text.into()))
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl Canonical for TraceId {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&self.0.to_le_bytes());
    }
}

impl Decode for TraceId {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        let (low, high) = (u64::decode(source)?, u64::decode(source)?);
        Ok(Self(u128::from(high) << 64 | u128::from(low)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn an_id_is_read_as_it_is_printed_and_nothing_else_is_one() {
        let id = TraceId::drawn(&mut Seed(1).stream("load/load/client/0/operation/0"));
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "4bf92f3577b34da6a3ce929d0e0e473",
            "4BF92F3577B34DA6A3CE929D0E0E4736",
            "00000000000000000000000000000000",
            "+bf92f3577b34da6a3ce929d0e0e4736",
        ] {
            assert!(wrong.parse::<TraceId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_trace_of_a_saved_seed_is_pinned() {
        let mut stream = Seed(42).stream("load/shoppers/client/17/operation/0");
        let id = TraceId::drawn(&mut stream).to_string();
        assert_eq!(
            id, "6bdc16cae62bbdc5ad9d6925cf83f44f",
            "the log of a saved request would have another name"
        );
    }

    #[test]
    fn the_canonical_form_is_sixteen_bytes_the_lowest_first() {
        let mut form = Vec::new();
        TraceId(0x0102 << 64 | 0x0a0b).encode(&mut form);
        let mut expected = vec![0x0b, 0x0a, 0, 0, 0, 0, 0, 0];
        expected.extend([0x02, 0x01, 0, 0, 0, 0, 0, 0]);
        assert_eq!(form, expected);
        assert_eq!(
            TraceId::decode(&mut form.as_slice()),
            Ok(TraceId(0x0102 << 64 | 0x0a0b))
        );
    }
}
