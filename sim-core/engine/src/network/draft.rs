//! A socket that neither listens nor is connected yet.

use super::{
    Listener, Options, Socket,
    address::host_address,
    handshake,
    holders::{Held, PortKey},
};
use crate::{
    clock,
    machine::{Machine, inside, with},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Mutex, MutexGuard},
};

/// What `socket()` gives. Dropping it frees the port it was bound to.
#[derive(Debug)]
pub struct Draft {
    v6: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    options: Options,
    bound: Option<(PortKey, SocketAddr)>,
}

impl Draft {
    /// A socket of one of the two families.
    pub fn new(v6: bool) -> Self {
        let options = Options::default();
        let bound = None;
        Self {
            v6,
            state: Mutex::new(State { options, bound }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    /// What is set on it.
    pub fn options(&self) -> Options {
        self.state().options
    }

    /// Sets what `change` changes.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.state().options);
    }

    /// The address it is bound to; all zeros before that.
    pub fn local_addr(&self) -> SocketAddr {
        let bound = self.state().bound;
        bound.map_or_else(|| SocketAddr::new(self.any(), 0), |(_, address)| address)
    }

    fn any(&self) -> IpAddr {
        if self.v6 {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        }
    }

    /// Takes a port; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse` if another socket has it and Linux would not let both have it, `AddrNotAvailable`
    /// if the address is not this host's, `InvalidInput` if the socket is bound already or the address
    /// is of the other family.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        let mut state = self.state();
        if state.bound.is_some() || address.is_ipv6() != self.v6 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let options = state.options;
        state.bound = Some(inside(|machine| machine.take_port(address, &options))?);
        Ok(())
    }

    /// Listens; a socket that is not bound gets a free port.
    ///
    /// # Errors
    /// `AddrInUse` if another socket listens on the port.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub fn listen(self, backlog: usize) -> io::Result<Listener> {
        if self.state().bound.is_none() {
            self.bind(SocketAddr::new(self.any(), 0))?;
        }
        let mut state = self.state();
        let (key, address) = state.bound.expect("it was bound");
        let options = state.options;
        let id = inside(|machine| machine.begin_listening(key, address, &options, backlog))?;
        // The listener has the port now.
        state.bound = None;
        Ok(Listener::new(id, address))
    }

    /// Connects, from the address it is bound to if it is.
    ///
    /// # Errors
    /// Those of [`super::connect`]; `AddrNotAvailable` too if there is such a connection already.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    pub async fn connect(self, remote: SocketAddr) -> io::Result<Socket> {
        if remote.is_ipv6() != self.v6 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (options, bound) = {
            let mut state = self.state();
            (state.options, state.bound.take())
        };
        handshake::connect_from(bound, options, remote).await
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let Some((key, _)) = self.state().bound.take() else {
            return;
        };
        with(|machine| {
            if machine.caller_is_alive() {
                machine.network.ports.release(key);
            }
        });
    }
}

impl Machine {
    fn take_port(
        &mut self,
        address: SocketAddr,
        options: &Options,
    ) -> io::Result<(PortKey, SocketAddr)> {
        let (process, host) = self.caller()?;
        let now = clock::now();
        let ip = address.ip();
        if !ip.is_unspecified() && !ip.is_loopback() && ip != host_address(host) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let network = &mut self.network;
        let port = match address.port() {
            0 => network.free_port(host, ip, options, now),
            port => {
                let at = SocketAddr::new(ip, port);
                let taken = network.is_taken(host, at, options, false, None, now);
                (!taken).then_some(port)
            }
        };
        let port = port.ok_or(io::ErrorKind::AddrInUse)?;
        let at = SocketAddr::new(ip, port);
        let key = network.ports.hold(host, at, options, Held::Bound(process));
        Ok((key, at))
    }
}
