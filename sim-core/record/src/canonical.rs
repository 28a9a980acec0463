//! The canonical form of an event: the bytes that a digest covers.
//!
//! An event is its instant (u64 nanoseconds), its tag (u8), then its fields in the order in which
//! [`crate::event::Event`] declares them. Integers are little-endian and of fixed width; a float is
//! its bit pattern; a flag is one byte 0 or 1; a text or list is a u32 count and then its bytes or
//! elements; an absent value is one byte 0, a present one a byte 1 and then the value. Tags are
//! never reused, fields never reordered: a new need is a new tag.

use crate::{
    event::{Fields, Value},
    quantity::{Moment, Span},
};

/// Takes canonical bytes.
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
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
    )*};
}
integers!(u8, u16, u32, u64, i64);

impl Canonical for bool {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&[u8::from(*self)]);
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

impl Canonical for String {
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
