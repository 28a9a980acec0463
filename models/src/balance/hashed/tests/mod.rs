//! What the tables and their balancer promise.

mod balancer;
mod tables;

use xxhash_rust::xxh3::xxh3_64;

use super::super::Endpoint;
use super::*;

/// The hashes of so many different keys.
fn keys(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(|number| xxh3_64(&number.to_le_bytes()))
}

/// `s0`, `s1` and so on, each of weight 1.
fn set(count: usize) -> Vec<Endpoint> {
    let numbers = 0..count;
    numbers
        .map(|number| Endpoint::new(format!("s{number}")))
        .collect()
}

/// One of each layout.
const LAYOUTS: [Layout; 4] = [
    Layout::Ketama,
    Layout::Ring(Sizes {
        minimum: 4096,
        maximum: 8 << 20,
    }),
    Layout::Maglev(Maglev::USUAL_SIZE),
    Layout::Rendezvous,
];
