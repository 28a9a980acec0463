//! The 128-bit fingerprint of a run: XXH3-128 over the canonical form of its events, in order.

use crate::{canonical::Sink, event::Event, quantity::Moment};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};
use xxhash_rust::xxh3::Xxh3;

/// A finished fingerprint; prints as 32 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest (32 hexadecimal digits)")]
pub struct DigestError(String);

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let value = fits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| DigestError(text.into()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Hashes events as they come. Small encodings are gathered, so that the hash sees whole blocks.
pub struct Digester {
    hash: Box<Xxh3>,
    gathered: Vec<u8>,
    events: u64,
}

const BLOCK: usize = 4096;

impl Digester {
    /// A digester that has seen nothing.
    pub fn new() -> Self {
        Self {
            hash: Box::new(Xxh3::new()),
            gathered: Vec::with_capacity(2 * BLOCK),
            events: 0,
        }
    }

    /// Takes in the next event; gives its canonical form.
    pub fn absorb(&mut self, at: Moment, event: &Event) -> &[u8] {
        if self.gathered.len() >= BLOCK {
            self.hash.update(&self.gathered);
            self.gathered.clear();
        }
        let before = self.gathered.len();
        event.encode(at, &mut self.gathered);
        self.events += 1;
        &self.gathered[before..]
    }

    /// How many events it has seen.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The fingerprint of what it has seen so far.
    pub fn digest(&self) -> Digest {
        let mut hash = self.hash.clone();
        hash.update(&self.gathered);
        Digest(hash.digest128())
    }
}

impl Default for Digester {
    fn default() -> Self {
        Self::new()
    }
}

/// The fingerprint of plain bytes: of a log, of a program.
#[derive(Default)]
pub struct BytesDigester(Box<Xxh3>);

impl BytesDigester {
    /// Takes in the next bytes.
    pub fn absorb(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The fingerprint of what it has seen so far.
    pub fn digest(&self) -> Digest {
        Digest(self.0.digest128())
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
