//! Deterministic subsets: callers in rounds, and a list shuffled anew for every round.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::Endpoint;
use crate::chance;

/// The part of the list of its round that belongs to a client.
pub(super) fn choose(endpoints: &[Endpoint], client: u64, size: usize) -> Vec<Endpoint> {
    let mut list = endpoints.to_vec();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    let parts = (list.len() / size.max(1)).max(1) as u64;
    shuffle(&mut list, client / parts);
    let start = (client % parts) as usize * size;
    list.into_iter().skip(start).take(size).collect()
}

/// Fisher and Yates: every order is equally likely, and the same for all clients of a round.
fn shuffle(list: &mut [Endpoint], round: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(round);
    for last in (1..list.len()).rev() {
        let other = chance::below(&mut rng, last as u64 + 1);
        list.swap(last, other as usize);
    }
}
