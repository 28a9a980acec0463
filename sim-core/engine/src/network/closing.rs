//! The end of connections: FIN, RST, the death of a process, the loss of power.

use super::{
    connection::{CLIENT, EndOfStream, Greeting, NEVER, Opening, SERVER},
    transmission::HEADERS,
};
use crate::{agenda::Due, clock, cpu, machine::Machine, process::ProcessId};
use std::io;
use windtunnel_record::{Event, Moment};

impl Machine {
    /// The program lets go of its end: a FIN after what is still to be sent, or a reset if it left
    /// bytes unread.
    pub(crate) fn close(&mut self, number: u32, side: u8) {
        let now = clock::now();
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        if !connection.ends[side as usize].open {
            return;
        }
        if side == CLIENT && connection.opening != Opening::Established {
            return self.abandon(number);
        }
        let end = &mut connection.ends[side as usize];
        end.open = false;
        let dead = end.dead;
        let aborts = end.options.linger.is_some_and(|linger| linger.is_zero());
        let incoming = &mut connection.pipes[1 - side as usize];
        incoming.arrive(now);
        let unread = incoming.readable() > 0;
        let still_coming = incoming
            .flights
            .iter()
            .find(|flight| flight.arrives != NEVER && flight.end > incoming.arrived);
        let still_coming = still_coming.map(|flight| flight.arrives);
        self.retire_end(number, side);
        if !dead && (unread || aborts) {
            self.kill_end(number, side);
            self.send_reset(number, side, cpu::departure());
        } else if !dead {
            self.queue_end_of_stream(number, side, cpu::departure());
            if let Some(arrival) = still_coming {
                // What arrives for nobody is answered by a reset.
                self.send_reset(number, side, arrival);
            }
        }
        self.forget_if_over(number);
    }

    /// Ends the stream of a side after what is still to be sent.
    pub(crate) fn queue_end_of_stream(&mut self, number: u32, side: u8, depart: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let pipe = &mut connection.pipes[side as usize];
        if pipe.end_of_stream == EndOfStream::Open {
            pipe.end_of_stream = EndOfStream::Queued;
            self.transmit(number, side, depart);
        }
    }

    /// The kernel of a side forgets the connection.
    pub(super) fn kill_end(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        connection.ends[side as usize].dead = true;
        let outgoing = &mut connection.pipes[side as usize];
        outgoing.stall = None;
        outgoing.sender = None;
        outgoing.end_of_stream = EndOfStream::Sent;
        let unsent = (outgoing.written - outgoing.sent) as usize;
        let kept = outgoing.bytes.len() - unsent;
        outgoing.bytes.truncate(kept);
        outgoing.written = outgoing.sent;
        self.release_port(number, side);
        self.stop_receiving(number, side);
    }

    /// The kernel of a side is deaf from now on. A peer that does not know goes on sending, and probes
    /// a window that will not open, until a reset tells it.
    pub(super) fn stop_receiving(&mut self, number: u32, side: u8) {
        let now = clock::now();
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let incoming = &mut connection.pipes[1 - side as usize];
        if connection.ends[1 - side as usize].dead {
            return incoming.cut_off(now);
        }
        let knew = incoming.stall.is_some();
        if incoming.written > incoming.sent && !knew {
            self.begin_stall(number, 1 - side, now, true);
        }
        self.lose_flights(number, 1 - side);
        if let Some(connection) = self.network.connection(number)
            && let Some(stall) = &mut connection.pipes[1 - side as usize].stall
            && !knew
        {
            // It does not know of silence either: what it sends next leaves at once.
            stall.passes_later = true;
        }
    }

    /// A side's port is free at once: the kernel has forgotten the connection.
    pub(super) fn release_port(&mut self, number: u32, side: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        if let Some(key) = connection.ends[side as usize].port.take() {
            self.network.ports.release(key);
        }
    }

    /// A side's port stays held for as long as the kernel remembers the connection.
    fn keep_port(&mut self, number: u32, side: u8) {
        let now = clock::now();
        let until = self.network.over_at(number, side);
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let peer = connection.ends[1 - side as usize].address;
        if let Some(key) = connection.ends[side as usize].port.take() {
            // An end of the stream that is lost is repeated for about as long.
            let until = until.unwrap_or(now + 60_000_000_000);
            self.network.ports.keep(key, peer, until, now);
        }
    }

    /// Forgets the connection once no program holds either end.
    pub(super) fn forget_if_over(&mut self, number: u32) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        if connection.ends.iter().all(|end| !end.open) {
            self.forget(number);
        }
    }

    pub(super) fn forget(&mut self, number: u32) {
        for side in 0..2 {
            self.retire_end(number, side);
            self.keep_port(number, side);
        }
        self.network.connections.forget(number);
    }

    /// Sends a reset from `side`. It is never repeated: if it is lost, the next segment of the other
    /// side meets another.
    pub(super) fn send_reset(&mut self, number: u32, side: u8, depart: u64) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let link = connection.links[side as usize];
        let not_before = connection.pipes[side as usize].last_arrival;
        let peer = connection.ends[1 - side as usize].host;
        let mut stream = self.take_stream(number, side);
        let link = self.network.link_mut(link);
        let fate = link.fate(depart, 1, HEADERS, &mut stream);
        if let Some(connection) = self.network.connection(number) {
            connection.pipes[side as usize].stream = Some(stream);
        }
        let powered = self.power[peer as usize];
        let arrives = fate
            .arrives
            .filter(|_| powered && !fate.corrupt)
            .map(|at| at.max(not_before));
        self.note(Event::Reset {
            connection: number,
            back: side == 1,
            arrives: arrives.map(Moment::from_nanos),
        });
        if let Some(at) = arrives {
            let due = Due::ResetArrives {
                connection: number,
                side: 1 - side,
                sent: depart,
            };
            self.agenda.enter(at, due);
        }
    }

    /// A reset arrives at a side.
    pub(crate) fn reset_arrives(&mut self, number: u32, side: u8, _sent: u64) {
        let now = clock::now();
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let link = connection.links[1 - side as usize];
        let end = &connection.ends[side as usize];
        let (host, dead) = (end.host, end.dead);
        if dead || self.network.link_ref(link).is_cut() || !self.power[host as usize] {
            return;
        }
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let incoming = &mut connection.pipes[1 - side as usize];
        incoming.arrive(now);
        let after_end = incoming.end_arrived;
        let end = &mut connection.ends[side as usize];
        end.dead = true;
        end.error = Some(if after_end {
            io::ErrorKind::BrokenPipe
        } else {
            io::ErrorKind::ConnectionReset
        });
        let half_open = matches!(connection.greeting, Greeting::HalfOpen { .. });
        self.kill_end(number, side);
        self.wake_end(number, side);
        if half_open && side == SERVER {
            self.drop_half_open_end(number);
        }
    }

    /// Both sides of a connection are reset by a fault, each by a reset that crosses its link.
    pub(crate) fn reset_both(&mut self, number: u32) {
        for side in 0..2 {
            self.send_reset(number, side, clock::now());
        }
    }

    /// Settles the sockets and ports of a process that ends, at this instant.
    pub(crate) fn settle_sockets(&mut self, process: ProcessId, host: u32, power_lost: bool) {
        self.close_listeners(process, power_lost);
        self.network.ports.forget_bound_by(host, process);
        self.close_datagram_sockets(process);
        let numbers: Vec<u32> = self.network.connections.of_host(host).collect();
        for number in numbers {
            for side in 0..2u8 {
                let Some(connection) = self.network.connection(number) else {
                    break;
                };
                let end = &connection.ends[side as usize];
                if power_lost && end.host == host {
                    self.lose_end(number, side);
                } else if end.open && end.process == process {
                    self.close(number, side);
                }
            }
        }
        if power_lost {
            self.network.ports.forget_host(host);
            self.forget_names(host);
        }
    }

    /// A side's host lost power: the connection is unknown there, and nobody is told.
    fn lose_end(&mut self, number: u32, side: u8) {
        self.lose_flights(number, 1 - side);
        self.kill_end(number, side);
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        connection.ends[side as usize].open = false;
        if side == CLIENT && matches!(connection.greeting, Greeting::HalfOpen { .. }) {
            self.expect_nobody(number);
        }
        self.retire_end(number, side);
        self.forget_if_over(number);
    }
}

impl Machine {
    /// Whether a request is open on a connection between hosts that `touches` accepts: the last data
    /// on it went from the side that connected, and no answer has begun.
    pub(crate) fn has_open_request(&self, touches: impl Fn(u32, u32) -> bool) -> bool {
        self.network.connections.iter().any(|connection| {
            let [one, other] = &connection.ends;
            connection.request_open && one.open && other.open && touches(one.host, other.host)
        })
    }

    /// The open connections between hosts that `between` accepts.
    pub(crate) fn connections_between(&self, between: impl Fn(u32, u32) -> bool) -> Vec<u32> {
        let connections = &self.network.connections;
        let is_between = |number: &u32| {
            connections.get(*number).is_some_and(|connection| {
                let [one, other] = &connection.ends;
                connection.opening == Opening::Established && between(one.host, other.host)
            })
        };
        connections.live().filter(is_between).collect()
    }
}
