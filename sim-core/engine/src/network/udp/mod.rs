//! Datagrams: they come late, twice, out of order, wrong or not at all, and nobody tells the sender but
//! a host on which nobody has that port.

mod flight;
mod ports;
mod socket;

pub use socket::UdpSocket;

use crate::{
    machine::{Arena, ArenaId},
    process::ProcessId,
};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    task::Waker,
};
use windtunnel_record::Stream;

/// The largest payload of a datagram.
pub(super) const LARGEST: usize = 65_507;

/// All sockets of all hosts, and what is on its way between them.
#[derive(Default)]
pub(super) struct Datagrams {
    pub sockets: Arena<State>,
    ports: BTreeMap<(u32, u16), Vec<ArenaId>>,
    pub flights: Arena<Flight>,
    /// The next ephemeral port of each host.
    next: BTreeMap<u32, u16>,
    /// How many sockets each host has opened.
    opened: BTreeMap<u32, u64>,
}

impl Datagrams {
    /// The sockets of a process: how many, and what of their receive buffers is taken.
    pub fn held_by(&self, process: ProcessId) -> (usize, u64) {
        let sockets = self.sockets.iter().map(|(_, socket)| socket);
        let own = sockets.filter(|socket| socket.process == process);
        own.fold((0, 0), |(count, held), socket| {
            (count + 1, held + socket.held as u64)
        })
    }
}

/// What a kernel knows of a socket.
pub(super) struct State {
    pub host: u32,
    pub process: ProcessId,
    /// Which socket of its host, counted from 0.
    number: u64,
    pub address: SocketAddr,
    pub peer: Option<SocketAddr>,
    /// What the next call will be told, once.
    error: Option<io::ErrorKind>,
    received: VecDeque<Received>,
    /// What of the receive buffer they take.
    held: usize,
    room: usize,
    broadcast: bool,
    ttl: u32,
    pub wakers: Vec<Waker>,
    /// One stream for the packets to each host.
    streams: BTreeMap<u32, Box<Stream>>,
}

/// A datagram that waits to be read.
struct Received {
    from: SocketAddr,
    bytes: Vec<u8>,
}

impl Received {
    /// What it takes of the receive buffer: Linux counts the memory of a packet, not its bytes
    /// (measured on Linux 6.18; older kernels count a little less for small ones).
    fn cost(&self) -> usize {
        const PACKET: usize = 256;
        const AROUND_THE_BYTES: usize = 384;
        const SMALLEST: usize = 576;
        const LARGEST_BLOCK: usize = 32_768;
        const PAGE: usize = 4_096;
        let needed = self.bytes.len() + AROUND_THE_BYTES;
        let taken = if needed <= SMALLEST {
            SMALLEST
        } else if needed <= LARGEST_BLOCK {
            needed.next_power_of_two()
        } else {
            needed.next_multiple_of(PAGE)
        };
        PACKET + taken
    }
}

/// A datagram on its way, or word that nobody received one.
pub(super) struct Flight {
    link: usize,
    /// When it has left the queue in front of its link.
    leaves: u64,
    arrives: u64,
    to_host: u32,
    load: Load,
}

enum Load {
    Datagram {
        socket: ArenaId,
        from_host: u32,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
        /// Sent to everybody: who does not listen says nothing.
        broadcast: bool,
    },
    /// Nobody has the port that `socket` sent to.
    Unreachable { socket: ArenaId, port: SocketAddr },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_datagrams_find_room_as_in_linux() {
        // Length, and how many fit into Linux 6.18's default buffer on loopback.
        for (length, fit) in [
            (0, 256),
            (180, 256),
            (200, 166),
            (500, 166),
            (700, 92),
            (1_472, 92),
            (2_000, 48),
            (3_000, 48),
            (4_000, 25),
            (8_000, 12),
            (16_000, 12),
            (30_000, 6),
            (65_507, 3),
        ] {
            let datagram = Received {
                from: SocketAddr::from(([127, 0, 0, 1], 1)),
                bytes: vec![0; length],
            };
            assert_eq!(212_992 / datagram.cost(), fit, "{length} bytes");
        }
    }
}
