//! Listening sockets.

use super::{Network, Socket, address::host_address, connection::SERVER};
use crate::{
    clock,
    machine::{Machine, inside, with},
    process::ProcessId,
};
use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    task::{Context, Poll, Waker},
};

/// A port that is listened on.
pub(super) struct ListenerState {
    pub process: ProcessId,
    backlog: usize,
    /// Connections whose handshake is under way.
    pub opening: usize,
    /// Connections that wait to be accepted.
    pub queue: VecDeque<u32>,
    pub waker: Option<Waker>,
}

impl ListenerState {
    /// Whether another connection would find no place.
    pub fn is_full(&self) -> bool {
        self.queue.len() + self.opening > self.backlog
    }
}

/// A listening socket. Dropping it frees the port and resets what waits to be accepted.
#[derive(Debug)]
pub struct Listener {
    host: u32,
    address: SocketAddr,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free one. `backlog` is bounded by the network's.
    ///
    /// # Errors
    /// `AddrInUse` if the port is taken, `AddrNotAvailable` if the address is not this host's.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub fn bind(address: SocketAddr, backlog: usize) -> io::Result<Self> {
        inside(|machine| {
            let (process, host) = machine.caller()?;
            let ip = address.ip();
            if !ip.is_unspecified() && !ip.is_loopback() && ip != host_address(host) {
                return Err(io::ErrorKind::AddrNotAvailable.into());
            }
            let network = &mut machine.network;
            let port = match address.port() {
                0 => network.ephemeral_port(host),
                port => port,
            };
            if network.listeners.contains_key(&(host, port)) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let backlog = backlog.min(network.spec.backlog);
            let state = ListenerState {
                process,
                backlog,
                opening: 0,
                queue: VecDeque::new(),
                waker: None,
            };
            network.listeners.insert((host, port), state);
            Ok(Self {
                host,
                address: SocketAddr::new(ip, port),
            })
        })
    }

    /// The address it listens on.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Takes the next connection that waits.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        inside(|machine| machine.poll_accept(self.host, self.address.port(), cx.waker()))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        with(|machine| {
            if machine.caller_is_alive() {
                machine.close_listener(self.host, self.address.port(), false);
            }
        });
    }
}

impl Machine {
    fn poll_accept(
        &mut self,
        host: u32,
        port: u16,
        waker: &Waker,
    ) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let Some(listener) = self.network.listeners.get_mut(&(host, port)) else {
            return Poll::Ready(Err(io::Error::other("the listener's process has ended")));
        };
        while let Some(number) = listener.queue.pop_front() {
            let connection = self.network.connections[number as usize].as_ref();
            if let Some(connection) = connection {
                let peer = connection.ends[0].address;
                return Poll::Ready(Ok((Socket::new(number, SERVER), peer)));
            }
        }
        let mut retired = Vec::new();
        Self::register(&mut retired, &mut listener.waker, waker);
        self.retired().append(&mut retired);
        Poll::Pending
    }

    /// Frees a port. What waited there is reset, or forgotten with the power.
    fn close_listener(&mut self, host: u32, port: u16, power_lost: bool) {
        let Some(listener) = self.network.listeners.remove(&(host, port)) else {
            return;
        };
        self.retire(listener.waker);
        for number in listener.queue {
            let Some(connection) = self.network.connection(number) else {
                continue;
            };
            connection.ends[SERVER as usize].open = false;
            self.kill_end(number, SERVER);
            if !power_lost {
                self.send_reset(number, SERVER, clock::now());
            }
        }
    }

    pub(super) fn close_listeners(&mut self, process: ProcessId, power_lost: bool) {
        let of_process = self
            .network
            .listeners
            .iter()
            .filter(|(_, state)| state.process == process);
        let ports: Vec<_> = of_process.map(|(key, _)| *key).collect();
        for (host, port) in ports {
            self.close_listener(host, port, power_lost);
        }
    }

    /// The link from one host to another, with what faults do to it at present.
    pub(super) fn link_between(&mut self, from: u32, to: u32) -> usize {
        let (number, made) = Network::link(&mut self.network, &self.topology.hosts, from, to);
        if made {
            self.apply_faults_to(number);
        }
        number
    }
}
