//! The aperture: an arc of a ring on which callers and endpoints lie evenly.

use xxhash_rust::xxh3::xxh3_64;

use super::Endpoint;

/// The endpoints an arc meets, each weighted by how much of it.
///
/// With `c` callers and `e` endpoints the ring has `c * e` units: a caller has `e` of them, an endpoint
/// `c`. The arc begins with its caller's own part and is as many such parts long as it takes to meet
/// `width` endpoints. So each unit lies under equally many arcs, and each endpoint gets the same.
pub(super) fn choose(endpoints: &[Endpoint], peer: u32, peers: u32, width: u32) -> Vec<Endpoint> {
    let mut ring = endpoints.to_vec();
    ring.sort_by_cached_key(|endpoint| (xxh3_64(endpoint.name.as_bytes()), endpoint.name.clone()));
    let (callers, count) = (u64::from(peers), ring.len() as u64);
    if count == 0 {
        return ring;
    }
    let parts = (u64::from(width) * callers).div_ceil(count).min(callers);
    let mut at = u64::from(peer) * count;
    let end = at + parts * count;
    let mut met: Vec<(usize, u64)> = Vec::new();
    while at < end {
        let next = ((at / callers + 1) * callers).min(end);
        let index = (at / callers % count) as usize;
        match met.first_mut() {
            // Once round: the last part of the arc lies where it began.
            Some((first, part)) if *first == index => *part += next - at,
            _ => met.push((index, next - at)),
        }
        at = next;
    }
    let unit = met
        .iter()
        .fold(0, |unit, (_, part)| common_divisor(unit, *part));
    let weighed = |(index, part): (usize, u64)| {
        // At most one per caller.
        let weight = u32::try_from(part / unit).unwrap_or(u32::MAX);
        ring[index].clone().weighing(weight)
    };
    met.into_iter().map(weighed).collect()
}

const fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
