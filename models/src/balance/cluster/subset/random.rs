//! Random subsets: the endpoints with the lowest hashes.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Endpoint;

/// The first of all endpoints in the order of their hashes.
pub(super) fn choose(endpoints: &[Endpoint], seed: u64, size: usize) -> Vec<Endpoint> {
    let mut list = endpoints.to_vec();
    list.sort_by_cached_key(|endpoint| {
        let name = endpoint.name.clone();
        (xxh3_64_with_seed(name.as_bytes(), seed), name)
    });
    list.truncate(size);
    list
}
