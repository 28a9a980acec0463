//! The canonical form of an event: the bytes that a digest covers.
//!
//! An event is its instant (u64 nanoseconds), its tag (u8), then its fields in the order in which
//! [`crate::event::Event`] declares them. Integers are little-endian and of fixed width; a float is
//! its bit pattern; a flag is one byte 0 or 1; a text or list is a u32 count and then its bytes or
//! elements; an absent value is one byte 0, a present one a byte 1 and then the value. Tags are
//! never reused, fields never reordered: a new need is a new tag.

use crate::{
    event::{Fields, Text, Value},
    quantity::{Moment, Span},
};

/// Takes canonical bytes.
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

/// Why bytes are not the canonical form of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are not the canonical form of an event")]
pub struct NotCanonical;

/// A value that can be had back from its canonical form.
pub trait Decode: Sized {
    /// Takes the form of a value off the front of `source`.
    ///
    /// # Errors
    /// If `source` does not begin with such a form.
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical>;
}

/// Takes so many bytes off the front.
fn take<'a>(source: &mut &'a [u8], count: usize) -> Result<&'a [u8], NotCanonical> {
    let (front, rest) = source.split_at_checked(count).ok_or(NotCanonical)?;
    *source = rest;
    Ok(front)
}

/// A value with a canonical form.
pub trait Canonical {
    /// Writes the form to `sink`.
    fn encode(&self, sink: &mut impl Sink);
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Canonical for $type {
            fn encode(&self, sink: &mut impl Sink) {
                sink.put(&self.to_le_bytes());
            }
        }

        impl Decode for $type {
            fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
                let bytes = take(source, size_of::<$type>())?;
                bytes.try_into().map(<$type>::from_le_bytes).map_err(|_| NotCanonical)
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, i64);

impl Canonical for bool {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&[u8::from(*self)]);
    }
}

impl Decode for bool {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        match u8::decode(source)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(NotCanonical),
        }
    }
}

impl Decode for f64 {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        u64::decode(source).map(Self::from_bits)
    }
}

impl Decode for Text {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        let length = u32::decode(source)?;
        let bytes = take(source, length as usize)?;
        let text = std::str::from_utf8(bytes).map_err(|_| NotCanonical)?;
        Ok(text.into())
    }
}

impl Decode for Moment {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        u64::decode(source).map(Self::from_nanos)
    }
}

impl Decode for Span {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        u64::decode(source).map(Self::from_nanos)
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        bool::decode(source)?.then(|| T::decode(source)).transpose()
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        let length = u32::decode(source)? as usize;
        // No element is shorter than a byte: a length that is a lie makes room for no more than that.
        let mut all = Self::with_capacity(length.min(source.len()));
        for _ in 0..length {
            all.push(T::decode(source)?);
        }
        Ok(all)
    }
}

impl<A: Decode, B: Decode> Decode for (A, B) {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        Ok((A::decode(source)?, B::decode(source)?))
    }
}

impl Decode for Value {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        match u8::decode(source)? {
            1 => i64::decode(source).map(Self::Int),
            2 => f64::decode(source).map(Self::Real),
            3 => bool::decode(source).map(Self::Flag),
            4 => Text::decode(source).map(Self::Text),
            _ => Err(NotCanonical),
        }
    }
}

impl Decode for Fields {
    fn decode(source: &mut &[u8]) -> Result<Self, NotCanonical> {
        Vec::decode(source).map(Self)
    }
}

impl Canonical for f64 {
    fn encode(&self, sink: &mut impl Sink) {
        self.to_bits().encode(sink);
    }
}

impl Canonical for str {
    fn encode(&self, sink: &mut impl Sink) {
        (self.len() as u32).encode(sink);
        sink.put(self.as_bytes());
    }
}

impl Canonical for Text {
    fn encode(&self, sink: &mut impl Sink) {
        self.as_str().encode(sink);
    }
}

impl Canonical for Moment {
    fn encode(&self, sink: &mut impl Sink) {
        self.as_nanos().encode(sink);
    }
}

impl Canonical for Span {
    fn encode(&self, sink: &mut impl Sink) {
        self.as_nanos().encode(sink);
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            None => sink.put(&[0]),
            Some(value) => {
                sink.put(&[1]);
                value.encode(sink);
            }
        }
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn encode(&self, sink: &mut impl Sink) {
        (self.len() as u32).encode(sink);
        for item in self {
            item.encode(sink);
        }
    }
}

impl Canonical for Value {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Self::Int(value) => {
                sink.put(&[1]);
                value.encode(sink);
            }
            Self::Real(value) => {
                sink.put(&[2]);
                value.encode(sink);
            }
            Self::Flag(value) => {
                sink.put(&[3]);
                value.encode(sink);
            }
            Self::Text(value) => {
                sink.put(&[4]);
                value.encode(sink);
            }
        }
    }
}

impl Canonical for Fields {
    fn encode(&self, sink: &mut impl Sink) {
        (self.0.len() as u32).encode(sink);
        for (name, value) in &self.0 {
            name.encode(sink);
            value.encode(sink);
        }
    }
}
