//! Listening for connections.

use super::{TcpStream, ToSocketAddrs};
use std::{
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
};
use windtunnel_engine::network::{Listener, connect};

/// tokio's own backlog.
const BACKLOG: usize = 1024;

/// A listening socket.
pub struct TcpListener {
    listener: Listener,
}

impl TcpListener {
    /// Listens on the first of the addresses that can be had.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, or the lookup's.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        let mut last = None;
        for address in addr.addresses()? {
            match Listener::bind(address, BACKLOG) {
                Ok(listener) => return Ok(Self { listener }),
                Err(error) => last = Some(error),
            }
        }
        let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to bind");
        Err(last.unwrap_or_else(nowhere))
    }

    /// Waits for the next connection. Cancellation-safe.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// See [`Self::accept`].
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = self.listener.poll_accept(cx);
        accepted.map_ok(|(socket, peer)| (TcpStream::new(socket), peer))
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.listener.local_addr())
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("local", &self.listener.local_addr())
            .finish()
    }
}

/// A socket before it listens or connects.
#[derive(Debug)]
pub struct TcpSocket {
    bound: std::sync::Mutex<Option<SocketAddr>>,
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn new_v4() -> io::Result<Self> {
        Ok(Self {
            bound: std::sync::Mutex::new(None),
        })
    }

    /// Sets the address to listen on.
    ///
    /// # Errors
    /// Never here; the address is checked by [`Self::listen`].
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        *self.bound.lock().expect("nothing panics while it is held") = Some(addr);
        Ok(())
    }

    /// Accepted and without effect: a port is free as soon as its listener is gone.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn set_reuseaddr(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    /// Listens.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, or `InvalidInput` without a bound address.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        let bound = self
            .bound
            .into_inner()
            .expect("nothing panics while it is held");
        let address = bound.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(TcpListener {
            listener: Listener::bind(address, backlog as usize)?,
        })
    }

    /// Connects.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect`].
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        Ok(TcpStream::new(connect(addr).await?))
    }
}
