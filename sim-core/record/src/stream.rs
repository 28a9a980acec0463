//! Named random streams: one ChaCha8 generator per smallest entity, keyed by seed and name.
//!
//! A stream is named after what it serves (`faults/orders-flap`, `load/shoppers/17`,
//! `net/orders-1:49152>stock-0:80`), so that adding or removing one entity leaves the draws of all
//! others as they were. The key derivation is part of the format of a saved seed and never changes:
//! the 32-byte ChaCha key is the little-endian XXH3-128 of `"windtunnel 1\0" seed_le64 name` under
//! seeds 0 and 1 of that hash; the nonce is zero.
//!
//! Source of the generator: D. J. Bernstein, *ChaCha, a variant of Salsa20* (8 rounds).

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The number a run is drawn from.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream called `name`.
    pub fn stream(self, name: &str) -> Stream {
        let mut text = Vec::with_capacity(21 + name.len());
        text.extend_from_slice(b"windtunnel 1\0");
        text.extend_from_slice(&self.0.to_le_bytes());
        text.extend_from_slice(name.as_bytes());
        let mut key = [0; 32];
        key[..16].copy_from_slice(&xxh3_128_with_seed(&text, 0).to_le_bytes());
        key[16..].copy_from_slice(&xxh3_128_with_seed(&text, 1).to_le_bytes());
        Stream {
            ahead: [0; AHEAD],
            left: 0,
            rng: Box::new(ChaCha8Rng::from_seed(key)),
        }
    }

    /// A seed of its own for the part called `name`, for libraries that want a number.
    pub fn derive(self, name: &str) -> u64 {
        self.stream(name).next_u64()
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// So many numbers are drawn at a time.
const AHEAD: usize = 6;

/// A generator that belongs to one entity of one run.
///
/// A few of its numbers are drawn ahead: with as many streams as there are connections, most draws so
/// touch one line of the processor's cache, and not the generator's own five.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Stream {
    /// The next numbers, the first one last of those that are left.
    ahead: [u64; AHEAD],
    left: usize,
    rng: Box<ChaCha8Rng>,
}

impl Stream {
    /// The generator, for code that takes any `rand_core` generator. It goes on where the stream is.
    pub fn into_rng(self) -> ChaCha8Rng {
        let mut rng = *self.rng;
        // Words have 32 bits.
        rng.set_word_pos(rng.get_word_pos() - 2 * self.left as u128);
        rng
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        if self.left == 0 {
            self.draw_ahead();
        }
        self.left -= 1;
        self.ahead[self.left]
    }

    #[cold]
    fn draw_ahead(&mut self) {
        self.ahead.fill_with(|| self.rng.next_u64());
        self.ahead.reverse();
        self.left = AHEAD;
    }

    /// What drawing `count` numbers will touch besides the stream itself, if anything: for whoever
    /// fetches it into the processor's cache before.
    #[inline]
    pub fn touches(&self, count: usize) -> Option<&ChaCha8Rng> {
        (self.left < count).then_some(&self.rng)
    }

    /// Uniform in `[0, 1)`: the upper 53 bits, scaled.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `0..bound` by Lemire's multiplication; `bound` 0 gives 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Rejection keeps it exactly uniform (Lemire 2019, "Fast random integer generation").
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }

    /// True with probability `p`; `p` at or below 0 never, at or above 1 always.
    pub fn chance(&mut self, p: f64) -> bool {
        p > 0.0 && self.unit() < p
    }

    /// Shuffles by Fisher and Yates, from the end.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_and_name_and_on_nothing_else() {
        let first = |seed: u64, name: &str| Seed(seed).stream(name).next_u64();
        assert_eq!(first(42, "load/shoppers/1"), first(42, "load/shoppers/1"));
        assert_ne!(first(42, "load/shoppers/1"), first(42, "load/shoppers/2"));
        assert_ne!(first(42, "load/shoppers/1"), first(43, "load/shoppers/1"));
    }

    #[test]
    fn the_derivation_of_a_saved_seed_is_pinned() {
        let mut stream = Seed(42).stream("faults/orders-flap");
        let drawn = [stream.next_u64(), stream.next_u64(), stream.next_u64()];
        assert_eq!(drawn, PINNED, "a saved seed would now mean another run");
    }

    const PINNED: [u64; 3] = [
        2_803_716_080_275_500_815,
        11_758_318_785_205_016_883,
        16_337_558_693_881_485_788,
    ];

    #[test]
    fn the_generator_goes_on_where_its_stream_is() {
        let mut numbers = Seed(7).stream("name").into_rng();
        for drawn in 0..40 {
            let mut stream = Seed(7).stream("name");
            (0..drawn).for_each(|_| _ = stream.next_u64());
            assert_eq!(stream.into_rng().next_u64(), numbers.next_u64());
        }
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut stream = Seed(1).stream("below");
        let mut seen = [0; 5];
        for _ in 0..5_000 {
            seen[stream.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
    }
}
