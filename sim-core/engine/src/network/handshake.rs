//! Opening a connection: SYN, SYN-ACK, ACK, with Linux's retransmissions.

use super::{
    Options, Socket,
    address::{host_of, routed},
    connection::{CLIENT, Connection, End, Greeting, Opening, Pipe, SERVER},
    holders::{Held, PortKey},
    waits::Who,
};
use crate::{
    agenda::{Due, Step},
    clock, cpu,
    machine::{Machine, inside, with},
};
use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Poll, Waker},
};
use windtunnel_record::{Event, event::Refusal};

pub(super) const SECOND: u64 = 1_000_000_000;
/// How long Linux asks for a neighbour: three times, a second apart (`mcast_solicit`).
const NEIGHBOUR: u64 = 3 * SECOND;
/// How many bytes a packet of the handshake has on the wire.
const SYN_BYTES: u64 = 74;

/// Connects to `remote`.
///
/// # Errors
/// `ConnectionRefused` after one round trip when nobody listens there; `TimedOut` when no answer
/// came to any SYN (135 s with the defaults, as Linux 6.5 and later); `AddrNotAvailable` when every
/// ephemeral port is in use for connections to `remote`; `NetworkUnreachable` for IPv6 addresses other
/// than loopback, which no simulated host has.
///
/// Cancellation: dropping the future abandons the attempt; a half-open connection is reset.
///
/// # Panics
/// Outside a task of a simulated host.
pub async fn connect(remote: SocketAddr) -> io::Result<Socket> {
    connect_from(None, Options::default(), remote).await
}

/// Connects with `options` and, if a port was bound, from there. The port is the connection's then.
pub(super) async fn connect_from(
    bound: Option<(PortKey, SocketAddr)>,
    options: Options,
    remote: SocketAddr,
) -> io::Result<Socket> {
    let begun = inside(|machine| machine.begin_connect(bound, options, remote));
    let attempt = Attempt { number: begun? };
    poll_fn(|cx| inside(|machine| machine.poll_connect(attempt.number, cx.waker()))).await?;
    Ok(attempt.into_socket())
}

/// An attempt under way; abandoned when dropped.
struct Attempt {
    number: u32,
}

impl Attempt {
    fn into_socket(self) -> Socket {
        let number = self.number;
        std::mem::forget(self);
        Socket::new(number, CLIENT)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        with(|machine| machine.abandon(self.number));
    }
}

impl Machine {
    fn begin_connect(
        &mut self,
        bound: Option<(PortKey, SocketAddr)>,
        options: Options,
        remote: SocketAddr,
    ) -> io::Result<u32> {
        self.one_more_descriptor("connect")?;
        let (process, host) = self.caller()?;
        let local = self.local_end(host, bound, remote);
        if local.is_err()
            && let Some((key, _)) = bound
        {
            self.network.ports.release(key);
        }
        let (local, remote) = local?;
        let target = host_of(self, host, remote.ip());
        let number = self.network.connections.next();
        let to = target.unwrap_or(host);
        let out = self.link_between(host, to);
        let back = self.link_between(to, host);
        self.network.connections.push(Connection {
            ends: [
                End::new(host, process, local),
                End {
                    open: false,
                    ..End::new(to, process, remote)
                },
            ],
            pipes: [Pipe::new(), Pipe::new()],
            links: [out, back],
            opening: Opening::Connecting,
            greeting: Greeting::None,
            request_open: false,
        });
        self.own_port(number, CLIENT, bound.map(|(key, _)| key), options);
        self.note(Event::Connecting {
            connection: number,
            from: host,
            to,
            port: remote.port(),
        });
        let same_zone =
            self.topology.hosts[host as usize].zone == self.topology.hosts[to as usize].zone;
        if self.network.spec.same_link && same_zone && self.is_dead(target) {
            let due = Due::Handshake {
                connection: number,
                step: Step::NoNeighbour,
            };
            self.agenda.enter(cpu::departure() + NEIGHBOUR, due);
        }
        if target.is_some() {
            self.send_syn(number, 0, cpu::departure());
        } else {
            // No such address: silence, as from a host that is down.
            let at = clock::now() + self.syn_timeout_total();
            let step = Step::SendSyn { attempt: u8::MAX };
            self.agenda.enter(
                at,
                Due::Handshake {
                    connection: number,
                    step,
                },
            );
        }
        Ok(number)
    }

    /// The addresses of both ends of a connection to be, or why there can be none.
    fn local_end(
        &mut self,
        host: u32,
        bound: Option<(PortKey, SocketAddr)>,
        remote: SocketAddr,
    ) -> io::Result<(SocketAddr, SocketAddr)> {
        let now = clock::now();
        let (ip, remote) = routed(host, bound.map(|(_, address)| address.ip()), remote)?;
        let Some((_, address)) = bound else {
            let port = self.network.ephemeral_port(host, ip, remote, now);
            let port = port.ok_or(io::ErrorKind::AddrNotAvailable)?;
            return Ok((SocketAddr::new(ip, port), remote));
        };
        let local = SocketAddr::new(ip, address.port());
        if self.network.is_connected(host, local, remote, now) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        Ok((local, remote))
    }

    /// Gives a side its options and its port: the one that was bound, or a new hold on its own.
    pub(super) fn own_port(
        &mut self,
        number: u32,
        side: u8,
        bound: Option<PortKey>,
        options: Options,
    ) {
        let Some(connection) = self.network.connections.get_mut(number) else {
            return;
        };
        let end = &mut connection.ends[side as usize];
        end.set_up(options, &self.network.spec);
        let held = Held::Connected {
            connection: number,
            side,
            chosen: side == CLIENT && bound.is_none(),
        };
        let ports = &mut self.network.ports;
        match bound.and_then(|key| ports.holder(key)) {
            Some(holder) => {
                holder.ip = end.address.ip();
                holder.held = held;
                end.port = bound;
            }
            None => end.port = Some(ports.hold(end.host, end.address, &options, held)),
        }
    }

    fn poll_connect(&mut self, number: u32, waker: &Waker) -> Poll<io::Result<()>> {
        let Some(connection) = self.network.connection(number) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        };
        match connection.opening {
            Opening::Established => Poll::Ready(Ok(())),
            Opening::Failed(kind) => Poll::Ready(Err(kind.into())),
            Opening::Connecting => {
                self.wait(&mut Who::Polled(waker), |network| {
                    let connection = network.connection(number)?;
                    Some(&mut connection.ends[CLIENT as usize].writers)
                });
                Poll::Pending
            }
        }
    }

    /// Whether nobody answers for an address: there is no such host, or it has no power.
    fn is_dead(&self, host: Option<u32>) -> bool {
        host.is_none_or(|host| !self.power[host as usize])
    }

    /// The caller of connect went away.
    pub(super) fn abandon(&mut self, number: u32) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        if !connection.ends[CLIENT as usize].open {
            return;
        }
        match connection.opening {
            Opening::Established => self.close(number, CLIENT),
            Opening::Failed(_) => self.forget(number),
            Opening::Connecting => {
                let half_open = connection.ends[SERVER as usize].open;
                connection.ends[CLIENT as usize].open = false;
                // No SYN is repeated, and no answer opens it any more.
                connection.opening = Opening::Failed(io::ErrorKind::ConnectionAborted);
                let refusal = Refusal::Abandoned;
                self.note(Event::NotConnected {
                    connection: number,
                    refusal,
                });
                if half_open {
                    self.kill_end(number, CLIENT);
                    self.retire_end(number, CLIENT);
                    self.send_reset(number, CLIENT, clock::now());
                    self.expect_nobody(number);
                } else {
                    self.forget(number);
                }
            }
        }
    }

    /// The wait after the SYN number `attempt`, counted from 0; none after the last.
    fn syn_wait(&self, attempt: u8) -> Option<u64> {
        let (linear, retries) = (self.network.spec.syn_linear, self.network.spec.syn_retries);
        let total = linear + retries;
        if attempt > total {
            return None;
        }
        let doublings = u32::from(attempt.saturating_sub(linear));
        let wait = SECOND << doublings.min(20);
        // Kernels with the linear start show 34 and 66 s where 32 and 64 are meant: their timer
        // wheel is that coarse there.
        let coarse = if linear > 0 && wait >= 32 * SECOND {
            2 * SECOND
        } else {
            0
        };
        Some(wait + coarse)
    }

    /// How long a connect to nowhere takes to fail.
    fn syn_timeout_total(&self) -> u64 {
        (0..=u8::MAX)
            .map_while(|attempt| self.syn_wait(attempt))
            .sum()
    }

    fn send_syn(&mut self, number: u32, attempt: u8, depart: u64) {
        self.send_packet(number, CLIENT, depart, |sent| Step::Syn { sent });
        if let Some(wait) = self.syn_wait(attempt) {
            let step = Step::SendSyn {
                attempt: attempt + 1,
            };
            self.agenda.enter(
                depart + wait,
                Due::Handshake {
                    connection: number,
                    step,
                },
            );
        }
    }

    /// Sends a packet of the handshake from `side`, if its link lets it pass.
    /// False if it is lost.
    fn send_packet(
        &mut self,
        number: u32,
        side: u8,
        depart: u64,
        step: impl Fn(u64) -> Step,
    ) -> bool {
        let Some(connection) = self.network.connection(number) else {
            return false;
        };
        let link = connection.links[side as usize];
        let mut stream = self.take_stream(number, side);
        let link = self.network.link_mut(link);
        let fate = link.fate(depart, 1, SYN_BYTES, &mut stream);
        if let Some(connection) = self.network.connection(number) {
            connection.pipes[side as usize].stream = Some(stream);
        }
        match fate.arrives.filter(|_| !fate.corrupt) {
            Some(at) => {
                self.agenda.enter(
                    at,
                    Due::Handshake {
                        connection: number,
                        step: step(depart),
                    },
                );
            }
            None => self.fault_hit(fate.fault),
        }
        fate.arrives.is_some()
    }

    pub(crate) fn handshake_due(&mut self, number: u32, step: Step) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let connecting = connection.opening == Opening::Connecting;
        match step {
            Step::SendSyn { .. } if !connecting => {}
            Step::SendSyn { attempt: u8::MAX } => self.connect_failed(number, Refusal::TimedOut),
            Step::SendSyn { attempt } => match self.syn_wait(attempt) {
                Some(_) => self.send_syn(number, attempt, clock::now()),
                None => self.connect_failed(number, Refusal::TimedOut),
            },
            Step::NoNeighbour => {
                let [client, server] = &connection.ends;
                let (host, remote) = (client.host, server.address.ip());
                if connecting && self.is_dead(host_of(self, host, remote)) {
                    self.connect_failed(number, Refusal::Unreachable);
                }
            }
            Step::Syn { .. } => self.syn_arrives(number),
            Step::SynAck { refused, .. } if connecting => self.syn_ack_arrives(number, refused),
            Step::SynAck { .. } => {}
            Step::Ack { attempt, .. } => self.ack_arrives(number, attempt),
            Step::SendAck { attempt } => self.send_ack(number, attempt),
            Step::HalfOpenOver => self.half_open_over(number),
        }
    }

    fn syn_arrives(&mut self, number: u32) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let [client, server] = &connection.ends;
        let (peer, at, host) = (client.address, server.address, server.host);
        let (half_open, refused) = (server.open, server.dead);
        let link = connection.links[CLIENT as usize];
        if self.network.link_ref(link).is_cut() || !self.power[host as usize] {
            return;
        }
        let listener = self.network.listener_for(host, at, peer);
        let listener = listener.filter(|_| !refused && !half_open);
        if let Some(listener) = listener {
            if self.network.listeners[&listener].is_full() {
                // A full backlog is silence; the client tries again.
                return;
            }
            self.greet(number, listener);
        }
        let refused = !half_open && listener.is_none();
        self.send_packet(number, SERVER, clock::now(), |sent| Step::SynAck {
            sent,
            refused,
        });
    }

    fn syn_ack_arrives(&mut self, number: u32, refused: bool) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let host = connection.ends[CLIENT as usize].host;
        let link = connection.links[SERVER as usize];
        if self.network.link_ref(link).is_cut() || !self.power[host as usize] {
            return;
        }
        if refused {
            return self.connect_failed(number, Refusal::Refused);
        }
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        connection.opening = Opening::Established;
        self.wake_end(number, CLIENT);
        self.note(Event::Connected { connection: number });
        self.begin_keep_alive(number, CLIENT);
        self.send_ack(number, 0);
    }

    /// The client's acknowledgement; repeated by way of the server's SYN-ACK if it is lost.
    pub(super) fn send_ack(&mut self, number: u32, attempt: u8) {
        let depart = clock::now();
        let sent = self.send_packet(number, CLIENT, depart, |sent| Step::Ack { attempt, sent });
        if !sent {
            self.ack_lost(number, attempt);
        }
    }

    fn connect_failed(&mut self, number: u32, refusal: Refusal) {
        let kind = match refusal {
            Refusal::Refused => io::ErrorKind::ConnectionRefused,
            Refusal::TimedOut | Refusal::Abandoned => io::ErrorKind::TimedOut,
            Refusal::Unreachable => io::ErrorKind::HostUnreachable,
        };
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        connection.opening = Opening::Failed(kind);
        self.release_port(number, CLIENT);
        self.wake_end(number, CLIENT);
        self.note(Event::NotConnected {
            connection: number,
            refusal,
        });
    }
}
