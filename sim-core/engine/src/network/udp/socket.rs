//! A datagram socket, as a program holds it.

use super::{LARGEST, State};
use crate::{
    cpu,
    machine::{ArenaId, Machine, inside, with},
    network::{Interest, Ready, address::host_address},
};
use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    task::{Context, Poll, Waker},
};
use tokio_real::io::ReadBuf;

/// Linux's default receive buffer (`net.core.rmem_default`).
const RECEIVE_BUFFER: usize = 212_992;

/// A socket for datagrams. Dropping it frees its port and forgets what was not received.
#[derive(Debug)]
pub struct UdpSocket {
    id: ArenaId,
}

fn gone() -> io::Error {
    io::Error::other("the socket's process has ended")
}

impl UdpSocket {
    /// A socket at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse` if the port is taken, `AddrNotAvailable` if the address is not this host's, EMFILE
    /// if the process may not have another descriptor.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        inside(|machine| {
            machine.one_more_descriptor("bind")?;
            let (process, host) = machine.caller()?;
            let ip = address.ip();
            if !ip.is_unspecified() && !ip.is_loopback() && ip != host_address(host) {
                return Err(io::ErrorKind::AddrNotAvailable.into());
            }
            let datagrams = &mut machine.network.datagrams;
            let port = match address.port() {
                0 => datagrams.free_port(host).ok_or(io::ErrorKind::AddrInUse)?,
                port => port,
            };
            let address = SocketAddr::new(ip, port);
            if datagrams.is_taken(host, address) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let id = datagrams.open(State {
                host,
                process,
                number: 0,
                address,
                peer: None,
                error: None,
                received: VecDeque::new(),
                held: 0,
                room: RECEIVE_BUFFER,
                broadcast: false,
                ttl: 64,
                wakers: Vec::new(),
                streams: BTreeMap::new(),
            });
            Ok(Self { id })
        })
    }

    fn read<T>(&self, of: impl FnOnce(&State) -> T) -> io::Result<T> {
        with(|machine| machine.network.datagrams.sockets.get(self.id).map(of))
            .flatten()
            .ok_or_else(gone)
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let changed = with(|machine| {
            let state = machine.network.datagrams.sockets.get_mut(self.id);
            state.map(change)
        });
        changed.flatten().ok_or_else(gone)
    }

    /// From now on it speaks with `peer` only. What waits to be read stays.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.change(|state| {
            let mut peer = peer;
            if peer.ip().is_unspecified() {
                peer.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            if state.address.ip().is_unspecified() {
                state.address.set_ip(if peer.ip().is_loopback() {
                    peer.ip()
                } else {
                    host_address(state.host)
                });
            }
            state.peer = Some(peer);
        })
    }

    /// The address of this end.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.read(|state| state.address)
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// `NotConnected` if it has none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let peer = self.read(|state| state.peer)?;
        peer.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Whether it may send to everybody.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.read(|state| state.broadcast)
    }

    /// See [`Self::broadcast`].
    ///
    /// # Errors
    /// If the process has ended.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.change(|state| state.broadcast = on)
    }

    /// How many routers a datagram may pass. There are none here.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn ttl(&self) -> io::Result<u32> {
        self.read(|state| state.ttl)
    }

    /// See [`Self::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` unless it is 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        if !(1..=255).contains(&ttl) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        self.change(|state| state.ttl = ttl)
    }

    /// Sends a datagram to `to`, or to the peer. It never waits: what finds no room on the way is
    /// lost, and nobody tells.
    ///
    /// # Errors
    /// `ConnectionRefused` if a datagram to the peer met a host on which nobody has that port;
    /// EDESTADDRREQ without an address; EMSGSIZE above 65,507 bytes; `PermissionDenied` to everybody
    /// unless that is allowed; `InvalidInput` for port 0, or from loopback to another host.
    pub fn send(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        inside(|machine| {
            machine.caller()?;
            machine.send_datagrams(self.id, bytes, to)
        })
    }

    /// Receives a datagram; of one that is longer than `into` the rest is lost. `take` it away, or
    /// leave it.
    pub fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
        take: bool,
    ) -> Poll<io::Result<SocketAddr>> {
        inside(|machine| machine.receive_datagram(self.id, cx.waker(), into, take))
    }

    /// What the next call would be told, which then is not told.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let mut error = None;
        self.change(|state| error = state.error.take())?;
        Ok(error.map(Into::into))
    }

    /// Waits until it is ready for some of `interest`; it always is for sending.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let readable = self.read(State::is_readable)?;
        if !interest.is_writable() {
            poll_fn(|cx| self.poll_readable(cx)).await?;
            return Ok(Ready::READABLE);
        }
        Ok(if readable && interest.is_readable() {
            Ready::READABLE | Ready::WRITABLE
        } else {
            Ready::WRITABLE
        })
    }

    /// Ready when a receive would not wait.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside(|machine| {
            let Some(state) = machine.network.datagrams.sockets.get_mut(self.id) else {
                return Poll::Ready(Err(gone()));
            };
            if state.is_readable() {
                return Poll::Ready(Ok(()));
            }
            state.wait(cx.waker());
            Poll::Pending
        })
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        with(|machine| {
            if machine.caller_is_alive() {
                machine.close_datagram_socket(self.id);
            }
        });
    }
}

impl State {
    fn is_readable(&self) -> bool {
        self.error.is_some() || !self.received.is_empty()
    }

    fn wait(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|held| held.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }
}

impl Machine {
    fn send_datagrams(
        &mut self,
        id: ArenaId,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> io::Result<usize> {
        let refused = |errno| Err(io::Error::from_raw_os_error(errno));
        let state = self.network.datagrams.sockets.get_mut(id);
        let state = state.ok_or_else(gone)?;
        if let Some(kind) = state.error.take() {
            return Err(kind.into());
        }
        let Some(mut to) = to.or(state.peer) else {
            return refused(libc::EDESTADDRREQ);
        };
        if bytes.len() > LARGEST {
            return refused(libc::EMSGSIZE);
        }
        if to.port() == 0 {
            return refused(libc::EINVAL);
        }
        if to.ip().is_unspecified() {
            to.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let everybody = to.ip() == Ipv4Addr::BROADCAST;
        if everybody && !state.broadcast {
            return refused(libc::EACCES);
        }
        if state.address.ip().is_loopback() && !to.ip().is_loopback() {
            return refused(libc::EINVAL);
        }
        let host = state.host;
        cpu::charge_bytes(&self.hosts[host as usize].cores, bytes.len());
        if everybody {
            self.send_to_everybody(id, host, to, bytes);
        } else {
            let target = crate::network::address::host_of(self, host, to.ip());
            self.send_datagram(id, target, to, bytes, false);
        }
        Ok(bytes.len())
    }

    /// To every host of the sender's zone: that is as far as its own network reaches.
    fn send_to_everybody(&mut self, id: ArenaId, host: u32, to: SocketAddr, bytes: &[u8]) {
        let zone = &self.topology.hosts[host as usize].zone;
        let infos = self.topology.hosts.iter().enumerate();
        let near = infos.filter(|(_, info)| info.zone == *zone);
        let near: Vec<u32> = near.map(|(number, _)| number as u32).collect();
        for target in near {
            self.send_datagram(id, Some(target), to, bytes, true);
        }
    }

    fn receive_datagram(
        &mut self,
        id: ArenaId,
        waker: &Waker,
        into: &mut ReadBuf<'_>,
        take: bool,
    ) -> Poll<io::Result<SocketAddr>> {
        let Some(state) = self.network.datagrams.sockets.get_mut(id) else {
            return Poll::Ready(Err(gone()));
        };
        if let Some(kind) = state.error.take() {
            return Poll::Ready(Err(kind.into()));
        }
        let Some(first) = state.received.front() else {
            state.wait(waker);
            return Poll::Pending;
        };
        let count = first.bytes.len().min(into.remaining());
        into.put_slice(&first.bytes[..count]);
        let from = first.from;
        if take {
            state.held -= first.cost();
            state.received.pop_front();
            let host = state.host;
            cpu::charge_bytes(&self.hosts[host as usize].cores, count);
        }
        Poll::Ready(Ok(from))
    }

    /// Frees a socket's port and forgets what it held.
    pub(super) fn close_datagram_socket(&mut self, id: ArenaId) {
        if let Some(state) = self.network.datagrams.close(id) {
            for waker in state.wakers {
                self.retire(Some(waker));
            }
        }
    }

    /// Closes the sockets of a process that ends.
    pub(in crate::network) fn close_datagram_sockets(
        &mut self,
        process: crate::process::ProcessId,
    ) {
        let sockets = self.network.datagrams.sockets.iter();
        let held = sockets.filter(|(_, state)| state.process == process);
        let held: Vec<ArenaId> = held.map(|(id, _)| id).collect();
        for id in held {
            self.close_datagram_socket(id);
        }
    }
}
