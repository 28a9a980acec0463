//! The network between hosts: our own TCP, at the level whose failures users meet.
//!
//! A segment's fate and arrival are decided when it is sent, and revised only when a link, a host or
//! the peer's socket changes. Acknowledgements and window updates are computed instants, not events;
//! a retransmission timer exists only for what was lost. Linux is the model: what a caller sees must
//! be what Linux shows (ARCHITECTURE.md lists each situation and the test that holds it).

mod address;
mod ahead;
mod closing;
mod congestion;
mod connection;
mod dns;
mod draft;
mod few;
mod greeting;
mod handshake;
mod holders;
mod holdings;
mod keep_alive;
mod link;
mod listener;
mod nagle;
mod options;
mod ports;
mod queue;
mod readiness;
mod recovery;
mod retransmission;
mod sender;
mod socket;
mod table;
mod transmission;
mod udp;
mod waiting;
mod waits;
mod wire;

pub use address::host_address;
pub use dns::resolve;
pub use draft::Draft;
pub use handshake::connect;
pub use keep_alive::KeepAlive;
pub use link::LinkSpec;
pub use listener::Listener;
pub use options::Options;
pub use readiness::{Interest, Ready};
pub use socket::Socket;
pub use udp::UdpSocket;

pub(crate) use address::host_of;
pub(crate) use link::{Conditions, Link};
pub(crate) use wire::Limit;

use connection::Connection;
use holders::Ports;
use listener::ListenerState;
use std::collections::BTreeMap;
use table::Connections;
use windtunnel_record::{Distribution, Dns, Impairments, Seed, Span, Topology};

/// What the network is like.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkSpec {
    /// Latency from a host to itself.
    pub loopback: Distribution,
    /// Latency between hosts of one zone.
    pub same_zone: Distribution,
    /// Latency between zones.
    pub cross_zone: Distribution,
    /// The share of packets lost between hosts, 0 to 1.
    pub loss: f64,
    /// What links between hosts do to packets besides.
    pub impairments: Impairments,
    /// Links that differ; a later one wins over an earlier one.
    pub links: Vec<LinkSpec>,
    /// Retransmissions of a SYN with doubling time-outs (Linux `tcp_syn_retries`).
    pub syn_retries: u8,
    /// Retransmissions of a SYN each second before those (Linux `tcp_syn_linear_timeouts`).
    pub syn_linear: u8,
    /// How long a sender goes on without an answer (Linux `tcp_retries2`).
    pub retries2: u8,
    /// When sockets that ask for it probe a silent peer.
    pub keep_alive: KeepAlive,
    /// Whether the hosts of a zone are on one link, so that a connect to one that is dead fails when
    /// its neighbours have asked for it in vain. Otherwise every path is routed, and silent.
    pub same_link: bool,
    /// The name service; without one, names are known at once.
    pub dns: Option<Dns>,
    /// How many bytes a sender's kernel holds that are not acknowledged.
    pub send_buffer: usize,
    /// How many bytes a receiver's kernel holds that are not read.
    pub receive_buffer: usize,
    /// How many connections wait to be accepted unless `listen` says less (Linux `somaxconn`).
    pub backlog: usize,
}

impl Default for NetworkSpec {
    fn default() -> Self {
        Self {
            loopback: Distribution::Fixed(Span::from_micros(30)),
            same_zone: Distribution::Lognormal {
                p50: Span::from_micros(300),
                p99: Span::from_micros(900),
            },
            cross_zone: Distribution::Lognormal {
                p50: Span::from_millis(1),
                p99: Span::from_millis(3),
            },
            loss: 0.0,
            impairments: Impairments::default(),
            links: Vec::new(),
            syn_retries: 6,
            syn_linear: 4,
            retries2: 15,
            keep_alive: KeepAlive::default(),
            same_link: false,
            dns: None,
            send_buffer: 256 << 10,
            receive_buffer: 256 << 10,
            backlog: 4096,
        }
    }
}

/// The network of a running machine.
pub(crate) struct Network {
    pub(crate) spec: NetworkSpec,
    seed: Seed,
    links: Vec<Link>,
    by_hosts: BTreeMap<(u32, u32), usize>,
    connections: Connections,
    listeners: BTreeMap<u32, ListenerState>,
    next_listener: u32,
    ports: Ports,
    datagrams: udp::Datagrams,
    names: dns::Names,
    /// Numbers for futures that wait.
    tickets: u64,
}

impl Network {
    pub fn new(spec: NetworkSpec, topology: &Topology, seed: Seed) -> Self {
        Self {
            spec,
            seed,
            links: Vec::new(),
            by_hosts: BTreeMap::new(),
            connections: Connections::new(topology.hosts.len()),
            listeners: BTreeMap::new(),
            next_listener: 0,
            ports: Ports::new(topology.hosts.len()),
            datagrams: udp::Datagrams::default(),
            names: dns::Names::default(),
            tickets: 0,
        }
    }

    fn connection(&mut self, number: u32) -> Option<&mut Connection> {
        self.connections.get_mut(number)
    }

    /// How many connections, listening sockets, held ports and waiting tasks there are, and how many
    /// bytes are held for connections.
    pub(crate) fn census(&self, now: u64) -> [usize; 5] {
        let buffered = self.connections.iter();
        let buffered = buffered.flat_map(|connection| &connection.pipes);
        let ends = self
            .connections
            .iter()
            .flat_map(|connection| &connection.ends);
        let waiting = ends.map(|end| end.readers.iter().count() + end.writers.iter().count());
        let accepting = self.listeners.values().map(|it| it.waits.iter().count());
        [
            self.connections.live().len(),
            self.listeners.len(),
            self.ports.count(now),
            waiting.chain(accepting).sum(),
            buffered.map(|pipe| pipe.bytes.len()).sum(),
        ]
    }
}
