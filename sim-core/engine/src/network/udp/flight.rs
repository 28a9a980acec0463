//! The way of a datagram from one host to another.

use super::{Flight, Load, Received};
use crate::{
    agenda::Due,
    clock, cpu,
    machine::{ArenaId, Machine},
    network::{address::host_address, queue::leaves_under, wire::Limit},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};
use windtunnel_record::{Event, Moment};
use xxhash_rust::xxh3::xxh3_64;

/// The payload of a fragment.
const FRAGMENT: u64 = 1_480;
/// The headers of a fragment: Ethernet and IPv4.
const HEADERS: u64 = 34;
/// The header of a datagram.
const DATAGRAM: u64 = 8;

impl Machine {
    /// Sends a datagram to `to` on the host `target`; to an address that nobody has without one.
    pub(super) fn send_datagram(
        &mut self,
        id: ArenaId,
        target: Option<u32>,
        to: SocketAddr,
        bytes: &[u8],
        broadcast: bool,
    ) {
        let Some(state) = self.network.datagrams.sockets.get_mut(id) else {
            return;
        };
        let (from_host, number) = (state.host, state.number);
        let mut from = state.address;
        if from.ip().is_unspecified() {
            from.set_ip(if to.ip().is_loopback() {
                IpAddr::V4(Ipv4Addr::LOCALHOST)
            } else {
                host_address(from_host)
            });
        }
        let mut event = Sent {
            from_host,
            from,
            to_host: target,
            to,
            content: xxh3_64(bytes),
            length: bytes.len() as u32,
        };
        let Some(to_host) = target else {
            return self.note(event.told(None, false));
        };
        let link = self.link_between(from_host, to_host);
        let Some(state) = self.network.datagrams.sockets.get_mut(id) else {
            return;
        };
        let mut stream = state.streams.remove(&to_host).unwrap_or_else(|| {
            let [from, to] = [from_host, to_host].map(|host| self.topology.name(host));
            let name = format!("udp/{from}/{number}>{to}");
            Box::new(self.network.packet_stream(&name))
        });
        let packets = (bytes.len() as u64 + DATAGRAM).div_ceil(FRAGMENT);
        let on_the_wire = bytes.len() as u64 + DATAGRAM + packets * HEADERS;
        let depart = cpu::departure();
        let wire = self.network.link_mut(link);
        let fate = wire.fate(depart, packets, on_the_wire, &mut stream);
        let mut bytes = bytes.to_vec();
        if fate.corrupt && !bytes.is_empty() {
            let bit = stream.below(bytes.len() as u64 * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            event.content = xxh3_64(&bytes);
        }
        if let Some(state) = self.network.datagrams.sockets.get_mut(id) {
            state.streams.insert(to_host, stream);
        }
        self.fault_hit(fate.fault);
        self.fault_hit_host(to_host);
        self.note(event.told(fate.arrives, false));
        let flight = |arrives, bytes| Flight {
            link,
            leaves: fate.leaves,
            arrives,
            to_host,
            load: Load::Datagram {
                socket: id,
                from_host,
                from,
                to,
                bytes,
                broadcast,
            },
        };
        if let Some(at) = fate.copy.filter(|_| fate.arrives.is_some()) {
            self.note(event.told(Some(at), true));
            self.set_out(flight(at, bytes.clone()));
        }
        if let Some(at) = fate.arrives {
            self.set_out(flight(at, bytes));
        }
    }

    fn set_out(&mut self, flight: Flight) {
        let at = flight.arrives;
        let id = self.network.datagrams.flights.insert(flight);
        self.agenda.enter(at, Due::Datagram(id));
    }

    /// A datagram, or word of one, arrives at its host.
    pub(crate) fn datagram_arrives(&mut self, id: ArenaId) {
        let flights = &mut self.network.datagrams.flights;
        // One that was delayed on its way is entered again for later.
        if flights
            .get(id)
            .is_none_or(|flight| flight.arrives > clock::now())
        {
            return;
        }
        let Some(flight) = flights.remove(id) else {
            return;
        };
        if !self.power[flight.to_host as usize] {
            return;
        }
        match flight.load {
            Load::Unreachable { socket, port } => self.refuse_datagrams(socket, port),
            Load::Datagram {
                socket,
                from_host,
                from,
                to,
                bytes,
                broadcast,
            } => {
                let mut here = to;
                if broadcast {
                    here.set_ip(host_address(flight.to_host));
                }
                let datagrams = &self.network.datagrams;
                match datagrams.receiver(flight.to_host, here, from) {
                    Some(receiver) => self.deliver(receiver, Received { from, bytes }),
                    None if broadcast => {}
                    None => self.answer_unreachable(flight.to_host, from_host, socket, to),
                }
            }
        }
    }

    fn deliver(&mut self, id: ArenaId, datagram: Received) {
        let Some(state) = self.network.datagrams.sockets.get_mut(id) else {
            return;
        };
        if state.held + datagram.cost() > state.room {
            let event = Event::DatagramDropped {
                host: state.host,
                port: state.address.port(),
                length: datagram.bytes.len() as u32,
            };
            return self.note(event);
        }
        state.held += datagram.cost();
        state.received.push_back(datagram);
        for waker in std::mem::take(&mut state.wakers) {
            self.wake(Some(waker));
        }
    }

    /// Nobody has the port: the host says so (ICMP port unreachable).
    fn answer_unreachable(&mut self, host: u32, back_to: u32, socket: ArenaId, port: SocketAddr) {
        self.note(Event::PortUnreachable {
            host,
            port: port.port(),
        });
        let back = self.link_between(host, back_to);
        let link = self.network.link_ref(back);
        if link.is_cut() {
            return;
        }
        let arrives = clock::now() + link.typical;
        self.set_out(Flight {
            link: back,
            leaves: clock::now(),
            arrives,
            to_host: back_to,
            load: Load::Unreachable { socket, port },
        });
    }

    /// Word has come that nobody has the port: a socket that is connected to it is told.
    fn refuse_datagrams(&mut self, id: ArenaId, port: SocketAddr) {
        let Some(state) = self.network.datagrams.sockets.get_mut(id) else {
            return;
        };
        if state.peer != Some(port) {
            return;
        }
        state.error = Some(io::ErrorKind::ConnectionRefused);
        for waker in std::mem::take(&mut state.wakers) {
            self.wake(Some(waker));
        }
    }

    /// The datagrams on a link that was cut are lost.
    pub(in crate::network) fn lose_datagrams(&mut self, link: usize, fault: Option<u32>) {
        let flights = self.network.datagrams.flights.iter();
        let lost = flights.filter(|(_, flight)| flight.link == link);
        let lost: Vec<ArenaId> = lost.map(|(id, _)| id).collect();
        for id in lost {
            self.network.datagrams.flights.remove(id);
            self.fault_hit(fault);
        }
    }

    /// How much a link carries has changed: what waits in front of it leaves earlier or later.
    pub(in crate::network) fn shift_datagrams(
        &mut self,
        link: usize,
        old: Option<Limit>,
        new: Option<Limit>,
    ) {
        let now = clock::now();
        let flights = self.network.datagrams.flights.iter();
        let waiting = flights.filter(|(_, flight)| flight.link == link && flight.leaves > now);
        let waiting: Vec<ArenaId> = waiting.map(|(id, _)| id).collect();
        for id in waiting {
            let Some(flight) = self.network.datagrams.flights.get_mut(id) else {
                continue;
            };
            let leaves = leaves_under(old, new, now, flight.leaves);
            flight.arrives = leaves + (flight.arrives - flight.leaves);
            flight.leaves = leaves;
            let at = flight.arrives;
            self.agenda.enter(at, Due::Datagram(id));
        }
    }
}

/// What is told of a datagram that was sent.
struct Sent {
    from_host: u32,
    from: SocketAddr,
    to_host: Option<u32>,
    to: SocketAddr,
    content: u64,
    length: u32,
}

impl Sent {
    fn told(&self, arrives: Option<u64>, copy: bool) -> Event {
        Event::Datagram {
            from: self.from_host,
            from_port: self.from.port(),
            to: self.to_host,
            to_port: self.to.port(),
            length: self.length,
            content: self.content,
            copy,
            arrives: arrives.map(Moment::from_nanos),
        }
    }
}
