//! The order of entries: a radix heap whose first bucket is sorted.
//!
//! Time never goes back, so a key needs no place among all others before its time is near. It lies in a bucket by the highest four bits of its instant
//! in which that differs from the *edge*, the last instant up to which all is sorted: 16 buckets for each
//! of 16 such digits. When the sorted keys are used up, the first bucket that holds any is sorted if it
//! is small, or else dealt out to the buckets below it. Each key so moves a few times from one end of a
//! list to another, where a heap compares it with others all over memory.
//!
//! Source: R. K. Ahuja, K. Mehlhorn, J. B. Orlin, R. E. Tarjan, *Faster algorithms for the shortest path
//! problem*, Journal of the ACM 37 (1990), section 2.

use std::iter;

/// An entry's instant (64 bits), its place in the order of entry, and its slot: in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u128);

const SLOT_BITS: u32 = 26;
const ORDER_BITS: u32 = 64 - SLOT_BITS;

impl Key {
    /// # Panics
    /// If the place or the slot is too large a number.
    pub fn new(instant: u64, order: u64, slot: u32) -> Self {
        assert!(
            slot >> SLOT_BITS == 0 && order >> ORDER_BITS == 0,
            "the agenda has no number for another entry"
        );
        Self(u128::from(instant) << 64 | u128::from(order << SLOT_BITS | u64::from(slot)))
    }

    pub fn instant(self) -> u64 {
        (self.0 >> 64) as u64
    }

    pub fn slot(self) -> u32 {
        self.0 as u32 & ((1 << SLOT_BITS) - 1)
    }
}

/// The bits of a digit.
const DIGIT: usize = 4;
/// The values of a digit.
const VALUES: usize = 1 << DIGIT;
const BUCKETS: usize = 64 / DIGIT * VALUES;
/// A bucket with more keys is dealt out before it is sorted.
const SMALL: usize = 512;
/// With more sorted keys the later half goes back to the buckets, so that entering one stays cheap.
const MANY: usize = 1024;

#[derive(Debug)]
pub(super) struct Queue {
    /// All keys up to the edge, the first one last.
    sorted: Vec<Key>,
    /// The instant up to which all keys are sorted, and none is in a bucket.
    edge: u64,
    /// The others, by the highest digit in which they differ from the edge, and its value.
    buckets: [Vec<Key>; BUCKETS],
    /// Which of them hold any, a bit for each.
    filled: [u64; BUCKETS / 64],
    /// Room for the next bucket that is filled.
    spare: Vec<Key>,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            sorted: Vec::with_capacity(2 * MANY),
            edge: 0,
            buckets: [const { Vec::new() }; BUCKETS],
            filled: [0; BUCKETS / 64],
            spare: Vec::new(),
        }
    }
}

impl Queue {
    /// Enters a key.
    pub fn enter(&mut self, key: Key) {
        if key.instant() > self.edge {
            return self.put_off(key);
        }
        let place = self.sorted.partition_point(|other| *other > key);
        self.sorted.insert(place, key);
        if self.sorted.len() > MANY {
            self.draw_back();
        }
    }

    /// Puts a key after the edge into its bucket.
    #[inline]
    fn put_off(&mut self, key: Key) {
        let differs = key.instant() ^ self.edge;
        let digit = differs.ilog2() as usize / DIGIT;
        let value = (key.instant() >> (digit * DIGIT)) as usize % VALUES;
        self.put_into(digit * VALUES + value, key);
    }

    #[inline]
    fn put_into(&mut self, bucket: usize, key: Key) {
        let keys = &mut self.buckets[bucket];
        if keys.capacity() == 0 {
            *keys = std::mem::take(&mut self.spare);
        }
        keys.push(key);
        self.filled[bucket / 64] |= 1 << (bucket % 64);
    }

    /// Moves the edge back so that about half of the sorted keys lie behind it.
    fn draw_back(&mut self) {
        let edge = self.sorted[MANY / 2].instant();
        // Those of one instant stay together.
        if self.sorted[0].instant() <= edge {
            return;
        }
        // Of the keys in buckets, those that agreed with the old edge in the highest digit that is now
        // another differ from the new one there. The others differ where they did.
        let digit = (edge ^ self.edge).ilog2() as usize / DIGIT;
        let value = (self.edge >> (digit * DIGIT)) as usize % VALUES;
        for below in 0..digit * VALUES {
            for key in self.empty(below) {
                self.put_into(digit * VALUES + value, key);
            }
        }
        self.edge = edge;
        let behind = self.sorted.partition_point(|key| key.instant() > edge);
        let mut sorted = std::mem::take(&mut self.sorted);
        for key in sorted.drain(..behind) {
            self.put_off(key);
        }
        self.sorted = sorted;
    }

    /// Takes the keys out of a bucket.
    fn empty(&mut self, bucket: usize) -> Vec<Key> {
        self.filled[bucket / 64] &= !(1 << (bucket % 64));
        std::mem::take(&mut self.buckets[bucket])
    }

    /// The first key.
    #[inline]
    pub fn first(&mut self) -> Option<Key> {
        if self.sorted.is_empty() {
            self.sort_next();
        }
        self.sorted.last().copied()
    }

    /// Takes the first key if its instant is not after `instant`.
    #[inline]
    pub fn take_up_to(&mut self, instant: u64) -> Option<Key> {
        if self.sorted.is_empty() && instant > self.edge {
            self.sort_next();
        }
        self.sorted.pop_if(|key| key.instant() <= instant)
    }

    /// The keys that are sorted, the first one last.
    #[inline]
    pub fn soon(&self) -> &[Key] {
        &self.sorted
    }

    /// Moves the edge on until something is sorted, or nothing is left.
    fn sort_next(&mut self) {
        while self.sorted.is_empty() {
            let words = self.filled.iter().enumerate();
            let Some((word, bits)) = words.into_iter().find(|(_, bits)| **bits != 0) else {
                return;
            };
            self.open(word * 64 + bits.trailing_zeros() as usize);
        }
    }

    /// Sorts what is in a bucket, or deals it out.
    fn open(&mut self, bucket: usize) {
        let mut keys = self.empty(bucket);
        let span = (1 << (bucket / VALUES * DIGIT)) - 1;
        let begins = keys[0].instant() & !span;
        if keys.len() <= SMALL {
            self.edge = begins | span;
            self.sorted.append(&mut keys);
        } else {
            self.edge = begins;
            for key in keys.drain(..) {
                if key.instant() == begins {
                    self.sorted.push(key);
                } else {
                    self.put_off(key);
                }
            }
        }
        self.sorted.sort_unstable_by(|one, other| other.cmp(one));
        // Not kept if it is large: over time each bucket holds everything once.
        if keys.capacity() <= SMALL {
            self.spare = keys;
        }
    }

    /// All keys, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Key> {
        let lists = iter::once(&self.sorted).chain(&self.buckets);
        lists.flatten().copied()
    }

    /// Drops the keys for which `live` is false.
    pub fn retain(&mut self, mut live: impl FnMut(Key) -> bool) {
        self.sorted.retain(|key| live(*key));
        for (number, bucket) in self.buckets.iter_mut().enumerate() {
            bucket.retain(|key| live(*key));
            if bucket.is_empty() {
                self.filled[number / 64] &= !(1 << (number % 64));
            }
        }
    }
}
