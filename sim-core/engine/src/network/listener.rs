//! Listening sockets.

use super::{
    Network, Options, Socket,
    connection::{Greeting, SERVER},
    draft::Draft,
    holders::{Held, PortKey},
    socket::mapped,
    waits::{Place, Ticket, Waits, Who},
};
use crate::{
    clock,
    machine::{Machine, inside, with},
    process::ProcessId,
};
use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

/// A socket that listens, as its kernel knows it.
pub(super) struct ListenerState {
    pub process: ProcessId,
    pub address: SocketAddr,
    pub options: Options,
    key: PortKey,
    backlog: usize,
    /// Connections that wait to be accepted.
    pub queue: VecDeque<u32>,
    pub waits: Waits,
    /// Whether the next accept will be refused for want of a descriptor.
    refused: bool,
}

impl ListenerState {
    /// Whether another connection would find no place. As in Linux there is room for one more than
    /// the backlog says, and what is only half open does not count.
    pub fn is_full(&self) -> bool {
        self.queue.len() > self.backlog
    }
}

/// A listening socket. Dropping it frees the port and resets what waits to be accepted.
#[derive(Debug)]
pub struct Listener {
    id: u32,
    address: SocketAddr,
}

impl Listener {
    pub(super) const fn new(id: u32, address: SocketAddr) -> Self {
        Self { id, address }
    }

    /// Listens on `address` with `SO_REUSEADDR`, as tokio does; port 0 takes a free one. `backlog` is
    /// bounded by the network's.
    ///
    /// # Errors
    /// `AddrInUse` if the port is taken, `AddrNotAvailable` if the address is not this host's.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub fn bind(address: SocketAddr, backlog: usize) -> io::Result<Self> {
        let draft = Draft::new(address.is_ipv6());
        draft.set_options(|options| options.reuse_address = true);
        draft.bind(address)?;
        draft.listen(backlog)
    }

    /// The address it listens on.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What is set on it; what it accepts inherits that.
    ///
    /// # Errors
    /// If its process has ended.
    pub fn options(&self) -> io::Result<Options> {
        self.with_state(|state| state.options)
    }

    /// Sets what `change` changes.
    ///
    /// # Errors
    /// If its process has ended.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) -> io::Result<()> {
        self.with_state(|state| change(&mut state.options))
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut ListenerState) -> R) -> io::Result<R> {
        inside(|machine| {
            let state = machine.network.listeners.get_mut(&self.id);
            state.map(f).ok_or_else(ended)
        })
    }

    /// Takes the next connection that waits. One task waits at a time by this function.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        inside(|machine| machine.poll_accept(self.id, Who::Polled(cx.waker())))
    }

    /// Waits for the next connection. Any number of tasks may wait at once. Cancellation-safe.
    ///
    /// # Errors
    /// If its process has ended.
    pub async fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        let mut ticket = Ticket::at(Place::Listener(self.id));
        poll_fn(|cx| {
            let who = Who::Future(&mut ticket.number, cx.waker());
            inside(|machine| machine.poll_accept(self.id, who))
        })
        .await
    }
}

fn ended() -> io::Error {
    io::Error::other("the listener's process has ended")
}

impl Drop for Listener {
    fn drop(&mut self) {
        with(|machine| {
            if machine.caller_is_alive() {
                machine.close_listener(self.id, false);
            }
        });
    }
}

impl Machine {
    /// Makes a listener of a bound socket.
    pub(super) fn begin_listening(
        &mut self,
        key: PortKey,
        address: SocketAddr,
        options: &Options,
        backlog: usize,
    ) -> io::Result<u32> {
        self.one_more_descriptor("listen")?;
        let (process, host) = self.caller()?;
        let network = &mut self.network;
        if network.is_taken(host, address, options, false, Some(key), clock::now()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = network.next_listener;
        network.next_listener += 1;
        if let Some(holder) = network.ports.holder(key) {
            holder.held = Held::Listening(id);
        }
        let state = ListenerState {
            process,
            address,
            options: *options,
            key,
            backlog: backlog.min(network.spec.backlog),
            queue: VecDeque::new(),
            waits: Waits::default(),
            refused: false,
        };
        network.listeners.insert(id, state);
        Ok(id)
    }

    fn poll_accept(&mut self, id: u32, mut who: Who<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        if let Some(polled) = self.refuse_accept(id, &who) {
            return polled;
        }
        let Some(listener) = self.network.listeners.get_mut(&id) else {
            return Poll::Ready(Err(ended()));
        };
        while let Some(number) = listener.queue.pop_front() {
            let connection = self.network.connections.get_mut(number);
            if let Some(connection) = connection {
                connection.greeting = Greeting::Over;
                let [client, server] = &connection.ends;
                let peer = client.address;
                let peer = if server.v6 { mapped(peer) } else { peer };
                return Poll::Ready(Ok((Socket::new(number, SERVER), peer)));
            }
        }
        self.wait(&mut who, |network| {
            network
                .listeners
                .get_mut(&id)
                .map(|listener| &mut listener.waits)
        });
        Poll::Pending
    }

    /// Who may have no descriptor more is refused when a connection waits, which stays where it is. The
    /// caller is woken once before that: a loop that tries again at once would never let go of the
    /// thread, where tokio's budget makes it yield.
    fn refuse_accept<T>(&mut self, id: u32, who: &Who<'_>) -> Option<Poll<io::Result<T>>> {
        let listener = self.network.listeners.get(&id)?;
        if listener.queue.is_empty() || !self.is_out_of_descriptors(listener.process) {
            return None;
        }
        let listener = self.network.listeners.get_mut(&id)?;
        let waker = match who {
            Who::Polled(waker) | Who::Future(_, waker) if !listener.refused => Some(*waker),
            _ => None,
        };
        listener.refused = waker.is_some();
        let Some(waker) = waker else {
            let refused = self.one_more_descriptor("accept").err()?;
            return Some(Poll::Ready(Err(refused)));
        };
        self.wake(Some(waker.clone()));
        Some(Poll::Pending)
    }

    /// Frees a port. What waited there is reset, or forgotten with the power.
    fn close_listener(&mut self, id: u32, power_lost: bool) {
        let Some(listener) = self.network.listeners.remove(&id) else {
            return;
        };
        self.network.ports.release(listener.key);
        self.retire_all(listener.waits);
        for number in listener.queue {
            let Some(connection) = self.network.connections.get_mut(number) else {
                continue;
            };
            connection.ends[SERVER as usize].open = false;
            self.kill_end(number, SERVER);
            if !power_lost {
                self.send_reset(number, SERVER, clock::now());
            }
            self.forget_if_over(number);
        }
        let host = self.processes[listener.process as usize].host;
        self.drop_half_open(host, id);
    }

    pub(super) fn close_listeners(&mut self, process: ProcessId, power_lost: bool) {
        let of_process = self
            .network
            .listeners
            .iter()
            .filter(|(_, state)| state.process == process);
        let ids: Vec<_> = of_process.map(|(id, _)| *id).collect();
        for id in ids {
            self.close_listener(id, power_lost);
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
