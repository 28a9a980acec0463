//! Opening a connection: SYN, SYN-ACK, ACK, with Linux's retransmissions.

use super::{
    Socket,
    address::{host_address, host_of},
    connection::{CLIENT, Connection, End, NEVER, Opening, Pipe, SERVER},
};
use crate::{
    agenda::{Due, Step},
    clock, cpu,
    machine::{Machine, inside, with},
};
use std::{
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    task::{Poll, Waker},
};
use windtunnel_record::{Event, event::Refusal};

const SECOND: u64 = 1_000_000_000;
/// How long Linux asks for a neighbour: three times, a second apart (`mcast_solicit`).
const NEIGHBOUR: u64 = 3 * SECOND;
/// How often a server repeats its SYN-ACK (Linux `tcp_synack_retries`).
const SYN_ACK_RETRIES: u8 = 5;

/// Connects to `remote`.
///
/// # Errors
/// `ConnectionRefused` after one round trip when nobody listens there; `TimedOut` when no answer
/// came to any SYN (135 s with the defaults, as Linux 6.5 and later).
///
/// Cancellation: dropping the future abandons the attempt; a half-open connection is reset.
///
/// # Panics
/// Outside a task of a simulated host.
pub async fn connect(remote: SocketAddr) -> io::Result<Socket> {
    let attempt = Attempt {
        number: inside(|machine| machine.begin_connect(remote))?,
    };
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
    fn begin_connect(&mut self, remote: SocketAddr) -> io::Result<u32> {
        let (process, host) = self.caller()?;
        let target = host_of(self, host, remote.ip());
        let port = self.network.ephemeral_port(host);
        let loopback = remote.ip().is_loopback();
        let ip = if loopback {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            host_address(host)
        };
        let number = self.network.connections.len() as u32;
        let to = target.unwrap_or(host);
        let out = self.link_between(host, to);
        let back = self.link_between(to, host);
        self.network.connections.push(Some(Box::new(Connection {
            ends: [
                End::new(host, process, SocketAddr::new(ip, port)),
                End {
                    open: false,
                    ..End::new(to, process, remote)
                },
            ],
            pipes: [Pipe::new(), Pipe::new()],
            links: [out, back],
            opening: Opening::Connecting,
            request_open: false,
        })));
        self.network.live.insert(number);
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

    fn poll_connect(&mut self, number: u32, waker: &Waker) -> Poll<io::Result<()>> {
        let mut retired = Vec::new();
        let Some(connection) = self.network.connection(number) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        };
        let answer = match connection.opening {
            Opening::Established => Poll::Ready(Ok(())),
            Opening::Failed(kind) => Poll::Ready(Err(kind.into())),
            Opening::Connecting => {
                let slot = &mut connection.ends[CLIENT as usize].write_waker;
                Self::register(&mut retired, slot, waker);
                Poll::Pending
            }
        };
        self.retired().append(&mut retired);
        answer
    }

    /// Whether nobody answers for an address: there is no such host, or it has no power.
    fn is_dead(&self, host: Option<u32>) -> bool {
        host.is_none_or(|host| !self.hosts[host as usize].powered)
    }

    /// The caller of connect went away.
    fn abandon(&mut self, number: u32) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        match connection.opening {
            Opening::Established => self.close(number, CLIENT),
            Opening::Failed(_) => self.forget(number),
            Opening::Connecting => {
                let refusal = Refusal::Abandoned;
                self.note(Event::NotConnected {
                    connection: number,
                    refusal,
                });
                let half_open = self
                    .network
                    .connection(number)
                    .is_some_and(|connection| connection.ends[SERVER as usize].open);
                if half_open {
                    self.kill_end(number, CLIENT);
                    self.send_reset(number, CLIENT, clock::now());
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
    fn send_packet(&mut self, number: u32, side: u8, depart: u64, step: impl Fn(u64) -> Step) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let link = connection.links[side as usize];
        let mut stream = self.take_stream(number, side);
        let fate = self.network.link_ref(link).fate(depart, 1, &mut stream);
        if let Some(connection) = self.network.connection(number) {
            connection.pipes[side as usize].stream = Some(stream);
        }
        match fate.arrives {
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
        }
    }

    fn syn_arrives(&mut self, number: u32) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let server = &connection.ends[SERVER as usize];
        let (host, port, half_open) = (server.host, server.address.port(), server.open);
        let link = connection.links[CLIENT as usize];
        if self.network.link_ref(link).is_cut() || !self.hosts[host as usize].powered {
            return;
        }
        if half_open {
            return self.send_packet(number, SERVER, clock::now(), |sent| Step::SynAck {
                sent,
                refused: false,
            });
        }
        let mut refused = true;
        if let Some(listener) = self.network.listeners.get_mut(&(host, port)) {
            if listener.is_full() {
                // A full backlog is silence; the client tries again.
                return;
            }
            listener.opening += 1;
            refused = false;
            let process = listener.process;
            if let Some(connection) = self.network.connection(number) {
                let server = &mut connection.ends[SERVER as usize];
                server.open = true;
                server.process = process;
            }
        }
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
        if self.network.link_ref(link).is_cut() || !self.hosts[host as usize].powered {
            return;
        }
        if refused {
            return self.connect_failed(number, Refusal::Refused);
        }
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        connection.opening = Opening::Established;
        let waker = connection.ends[CLIENT as usize].write_waker.take();
        self.wake(waker);
        self.note(Event::Connected { connection: number });
        self.send_ack(number, 0);
    }

    /// The client's acknowledgement; repeated by way of the server's SYN-ACK if it is lost.
    fn send_ack(&mut self, number: u32, attempt: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let link = connection.links[CLIENT as usize];
        if self.network.link_ref(link).is_cut() {
            if attempt < SYN_ACK_RETRIES {
                let at = clock::now() + (SECOND << attempt);
                let step = Step::Ack {
                    attempt: attempt + 1,
                    sent: NEVER,
                };
                self.agenda.enter(
                    at,
                    Due::Handshake {
                        connection: number,
                        step,
                    },
                );
            } else {
                self.kill_end(number, SERVER);
            }
            return;
        }
        self.send_packet(number, CLIENT, clock::now(), |sent| Step::Ack {
            attempt,
            sent,
        });
    }

    fn ack_arrives(&mut self, number: u32, attempt: u8) {
        let Some(connection) = self.network.connection(number) else {
            return;
        };
        let server = &connection.ends[SERVER as usize];
        let (host, port, gone) = (server.host, server.address.port(), server.is_gone());
        let link = connection.links[CLIENT as usize];
        if gone || !self.hosts[host as usize].powered {
            return;
        }
        if self.network.link_ref(link).is_cut() {
            return self.send_ack(number, attempt);
        }
        match self.network.listeners.get_mut(&(host, port)) {
            Some(listener) => {
                listener.opening = listener.opening.saturating_sub(1);
                listener.queue.push_back(number);
                let waker = listener.waker.take();
                self.wake(waker);
            }
            None => {
                self.kill_end(number, SERVER);
                self.send_reset(number, SERVER, clock::now());
            }
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
        let waker = connection.ends[CLIENT as usize].write_waker.take();
        self.wake(waker);
        self.note(Event::NotConnected {
            connection: number,
            refusal,
        });
    }
}
