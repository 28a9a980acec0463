//! Listening for connections.

use super::{
    TcpStream, ToSocketAddrs,
    address::{Meant, addresses},
    stream::time_to_live,
};
use std::{
    fmt, io,
    net::SocketAddr,
    task::{Context, Poll},
};
use windtunnel_engine::network::Listener;

/// tokio's own backlog.
const BACKLOG: usize = 1024;

/// A listening socket. Dropping it frees the port and resets what waits to be accepted.
pub struct TcpListener {
    listener: Listener,
}

impl TcpListener {
    pub(super) const fn new(listener: Listener) -> Self {
        Self { listener }
    }

    /// Listens on the first of the addresses that can be had, with `SO_REUSEADDR`.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, or the lookup's.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        // In a place of its own: it is over soon, and a task that serves for long would keep room for it.
        Box::pin(Self::bind_to(addr.meant())).await
    }

    async fn bind_to(meant: io::Result<Meant>) -> io::Result<Self> {
        let mut last = None;
        for address in addresses(meant).await? {
            match Listener::bind(address, BACKLOG) {
                Ok(listener) => return Ok(Self { listener }),
                Err(error) => last = Some(error),
            }
        }
        let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to bind");
        Err(last.unwrap_or_else(nowhere))
    }

    /// Waits for the next connection; several tasks may. Cancellation-safe.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = self.listener.accept().await?;
        Ok((TcpStream::new(socket), peer))
    }

    /// See [`Self::accept`]. Of the tasks that wait by this function, the last one is woken.
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

    /// The time to live of what it sends. No router between simulated hosts counts it.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.listener.options()?.ttl)
    }

    /// See [`Self::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` outside of 1 to 255; if the process has ended.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = time_to_live(ttl)?;
        self.listener.set_options(|options| options.ttl = ttl)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("local", &self.listener.local_addr())
            .finish()
    }
}
