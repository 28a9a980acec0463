//! The points of nginx's `hash ... consistent`.

use crc32fast::Hasher;

use super::super::Nodes;
use super::{MOST_POINTS, Ring, Width};

/// Points per unit of weight.
const PER_WEIGHT: u64 = 160;

impl Ring {
    /// The ring of nginx: 160 points per unit of weight, each the CRC-32 of host, zero, port and the
    /// point before. An nginx with the same servers sends a key to the same one if the key is hashed
    /// with [`crc32`](super::super::hashes::crc32).
    ///
    /// Weights whose points were more than 8 Mi get proportionally fewer, each node at least one.
    pub fn ketama(nodes: &Nodes) -> Self {
        let most = u64::from(MOST_POINTS);
        let weights = nodes.weight();
        let is_large = weights.saturating_mul(PER_WEIGHT) > most;
        let points = nodes.iter().zip(0..).flat_map(|(node, number)| {
            let weight = u64::from(node.weight);
            let count = if is_large {
                (weight * most / weights).max(1)
            } else {
                weight * PER_WEIGHT
            };
            chain(&node.name)
                .take(count as usize)
                .map(move |hash| (u64::from(hash), number))
        });
        Self::new(Width::Bits32, points)
    }
}

/// The points of one node, each made from the one before it.
fn chain(name: &str) -> impl Iterator<Item = u32> {
    let (host, port) = address(name);
    let mut base = Hasher::new();
    for part in [host.as_bytes(), &[0], port.as_bytes()] {
        base.update(part);
    }
    let mut before = 0_u32;
    std::iter::repeat_with(move || {
        let mut point = base.clone();
        point.update(&before.to_le_bytes());
        before = point.finalize();
        before
    })
}

/// Host and port as nginx parts them: only digits are a port, the path of a socket has none.
fn address(name: &str) -> (&str, &str) {
    const SOCKET: &str = "unix:";
    match name.split_at_checked(SOCKET.len()) {
        Some((scheme, path)) if scheme.eq_ignore_ascii_case(SOCKET) => return (path, ""),
        _ => {}
    }
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn only_digits_after_the_last_colon_are_a_port() {
        for (name, expected) in [
            ("orders:8080", ("orders", "8080")),
            ("orders", ("orders", "")),
            ("orders:", ("orders", "")),
            ("orders:http", ("orders:http", "")),
            ("[::1]:80", ("[::1]", "80")),
            ("UNIX:/run/a:80", ("/run/a:80", "")),
        ] {
            assert_eq!(address(name), expected);
        }
    }
}
