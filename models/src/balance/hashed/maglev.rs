//! Maglev: a table of slots, filled by the nodes in turn, each in an order of its own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use xxhash_rust::xxh64::xxh64;

use super::{InvalidSize, Nodes, Rendezvous, Table};

/// The largest table (Envoy's limit), a prime.
const LARGEST: u32 = 5_000_011;

/// Slots per node at least: with fewer, shares are more than a hundredth apart.
const PER_NODE: usize = 100;

/// The order in which a node asks for slots: from `offset` in steps of `skip`. With a prime size every
/// order passes every slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permutation {
    /// The first slot.
    pub offset: u32,
    /// From one slot to the next; not zero.
    pub skip: u32,
}

impl Permutation {
    /// The order of a name in a table of `size` slots, by two xxHash64 (seeds 0 and 1), as Envoy's.
    ///
    /// # Panics
    ///
    /// `size` is less than 2.
    pub fn of(name: &str, size: u32) -> Self {
        let hash = |seed, modulus| (xxh64(name.as_bytes(), seed) % u64::from(modulus)) as u32;
        Self {
            offset: hash(0, size),
            skip: hash(1, size - 1) + 1,
        }
    }
}

/// The table: a key looks at one slot. With equal weights every node has M/N slots, rounded down or up;
/// else its part by weight, off by a hundredth and two slots at most, and at least one.
///
/// The keys of a node that is not willing are spread over the others by [`Rendezvous`]. If one leaves,
/// some keys of the others move too, because slots are taken in turn and the turns shift: fewer than one
/// in ten with 100 slots per node, one in a hundred on average with 400.
#[derive(Clone, PartialEq)]
pub struct Maglev {
    slots: Vec<u32>,
    heirs: Rendezvous,
}

impl Maglev {
    /// The size that most use.
    pub const USUAL_SIZE: u32 = 65_537;

    /// A table of `size` slots.
    ///
    /// # Errors
    ///
    /// `size` is not prime, above 5,000,011, or less than 100 times the number of nodes.
    pub fn new(nodes: &Nodes, size: u32) -> Result<Self, InvalidSize> {
        Self::check(size)?;
        if (size as usize) < nodes.len().saturating_mul(PER_NODE) {
            let nodes = nodes.len();
            return Err(InvalidSize::TooSmall { size, nodes });
        }
        Ok(Self::filled(nodes, size))
    }

    /// A table of `size` slots, a valid one, or of the next prime that is enough for the nodes.
    pub(super) fn large_enough(nodes: &Nodes, size: u32) -> Self {
        let needed = nodes.len().saturating_mul(PER_NODE);
        let needed = u32::try_from(needed).unwrap_or(LARGEST).min(LARGEST);
        let size = if size >= needed {
            size
        } else {
            // The largest is prime, so there is one.
            let mut sizes = needed..=LARGEST;
            sizes.find(|size| is_prime(*size)).unwrap_or(LARGEST)
        };
        Self::filled(nodes, size)
    }

    /// Whether any set may have a table of this size.
    pub(super) fn check(size: u32) -> Result<(), InvalidSize> {
        if size > LARGEST {
            return Err(InvalidSize::TooLarge(size));
        }
        if !is_prime(size) {
            return Err(InvalidSize::NotPrime(size));
        }
        Ok(())
    }

    fn filled(nodes: &Nodes, size: u32) -> Self {
        let turns = nodes.iter();
        let turns: Vec<_> = turns
            .map(|node| (Permutation::of(&node.name, size), node.weight))
            .collect();
        Self {
            slots: Self::fill(size, &turns),
            heirs: Rendezvous::new(nodes),
        }
    }

    /// The slots of a table of `size`, each with the number of its node; empty if there is none. A node is
    /// its order and its weight.
    ///
    /// In every round the heaviest takes a slot, another one in as many rounds as its weight is part of
    /// the heaviest's, all of them in the first.
    ///
    /// # Panics
    ///
    /// `size` is not prime, a weight is zero, or an order is not one of this size.
    pub fn fill(size: u32, nodes: &[(Permutation, u32)]) -> Vec<u32> {
        assert!(
            is_prime(size),
            "{size} is not prime: nodes would never find a slot"
        );
        for (order, weight) in nodes {
            let is_order = order.offset < size && (1..size).contains(&order.skip);
            assert!(is_order, "{order:?} is no order of {size} slots");
            assert!(*weight > 0, "a node without weight takes no slots");
        }
        let Some(heaviest) = nodes.iter().map(|(_, weight)| u64::from(*weight)).max() else {
            return Vec::new();
        };
        let mut slots = vec![None; size as usize];
        let mut walks: Vec<_> = nodes.iter().map(|(order, _)| Walk::new(*order)).collect();
        // Who is next: by round, and in a round by number.
        let numbers = 0..nodes.len() as u32;
        let mut queue: BinaryHeap<_> = numbers.map(|node| Reverse((0_u64, node))).collect();
        for _ in 0..size {
            let Some(mut next) = queue.peek_mut() else {
                break;
            };
            let node = next.0.1;
            let walk = &mut walks[node as usize];
            walk.take(&mut slots, node);
            let weight = u64::from(nodes[node as usize].1);
            next.0.0 = walk.taken * heaviest / weight;
        }
        slots.into_iter().flatten().collect()
    }

    /// The number of the node in each slot.
    pub fn slots(&self) -> &[u32] {
        &self.slots
    }
}

/// Where a node is in its order.
struct Walk {
    order: Permutation,
    at: u32,
    taken: u64,
}

impl Walk {
    const fn new(order: Permutation) -> Self {
        Self {
            order,
            at: order.offset,
            taken: 0,
        }
    }

    /// Takes the next free slot; there is one.
    fn take(&mut self, slots: &mut [Option<u32>], node: u32) {
        let size = slots.len() as u64;
        while slots[self.at as usize].is_some() {
            self.at = ((u64::from(self.at) + u64::from(self.order.skip)) % size) as u32;
        }
        slots[self.at as usize] = Some(node);
        self.taken += 1;
    }
}

impl Table for Maglev {
    fn heir(&self, key: u64, willing: &mut dyn FnMut(usize) -> bool) -> Option<usize> {
        let slot = key.checked_rem(self.slots.len() as u64)?;
        let owner = self.slots[slot as usize] as usize;
        if willing(owner) {
            return Some(owner);
        }
        self.heirs.heir(key, willing)
    }
}

impl std::fmt::Debug for Maglev {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maglev")
            .field("size", &self.slots.len())
            .finish_non_exhaustive()
    }
}

fn is_prime(number: u32) -> bool {
    let mut divisors = (2..).take_while(|divisor| divisor * divisor <= number);
    number > 1 && divisors.all(|divisor| !number.is_multiple_of(divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_from_other_numbers() {
        for prime in [2, 3, 5, 7, 251, 65_537, 655_373, LARGEST] {
            assert!(is_prime(prime), "{prime}");
        }
        for other in [0, 1, 4, 9, 65_535, 65_536, 655_371, LARGEST - 2] {
            assert!(!is_prime(other), "{other}");
        }
    }
}
