//! A TCP connection.

use super::{
    ToSocketAddrs,
    address::{Meant, addresses},
    split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf},
    transfer::{self, either, reading, writing},
};
use crate::sim::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use bytes::BufMut;
use std::{
    fmt,
    io::{self, IoSlice, IoSliceMut},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use windtunnel_engine::network::{Options, Socket, connect};

/// A connection between two hosts. Dropping it closes it: FIN, or RST if bytes were left unread or its
/// linger is zero.
pub struct TcpStream {
    pub(super) socket: Socket,
}

either!(TcpStream);
reading!(TcpStream);
writing!(TcpStream);

impl TcpStream {
    pub(super) const fn new(socket: Socket) -> Self {
        Self { socket }
    }

    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// The last address's error: `ConnectionRefused`, `TimedOut`, `AddrNotAvailable` when no ephemeral
    /// port is left, or the lookup's.
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        // In a place of its own: it is over soon, and a task that goes on with the connection for long
        // would keep room for it.
        Box::pin(Self::connect_to(addr.meant())).await
    }

    async fn connect_to(meant: io::Result<Meant>) -> io::Result<Self> {
        let mut last = None;
        for address in addresses(meant).await? {
            match connect(address).await {
                Ok(socket) => return Ok(Self::new(socket)),
                Err(error) => last = Some(error),
            }
        }
        let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to connect to");
        Err(last.unwrap_or_else(nowhere))
    }

    /// Reads without taking the bytes away; several tasks may.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        transfer::peek(&self.socket, buf).await
    }

    /// Ready when a read would not wait. Of the tasks that wait by this function and by `poll_read`,
    /// the last one is woken.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_read_ready(cx)
    }

    /// Ready when a write would not wait. Of the tasks that wait by this function and by `poll_write`,
    /// the last one is woken.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(cx)
    }

    /// The error that the next call would be told, which is then told no more.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.socket.take_error())
    }

    fn option<T>(&self, of: impl FnOnce(&Options) -> T) -> io::Result<T> {
        self.socket.options().map(|options| of(&options))
    }

    /// Whether small writes leave at once, rather than by Nagle's algorithm.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.option(|options| options.no_delay)
    }

    /// See [`Self::nodelay`].
    ///
    /// # Errors
    /// If the connection is gone or the process has ended.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket
            .set_options(|options| options.no_delay = nodelay)
    }

    /// A linger of zero makes closing a reset, which discards what was not sent.
    ///
    /// # Errors
    /// If the connection is gone or the process has ended.
    ///
    /// # Panics
    /// With a time other than zero: closing would stop the thread for that long, which is not
    /// modelled.
    #[deprecated = "`SO_LINGER` causes the socket to block the thread on drop"]
    #[track_caller]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        not_lingering("TcpStream::set_linger", dur);
        self.socket.set_options(|options| options.linger = dur)
    }

    /// Makes closing a reset, which discards what was not sent.
    ///
    /// # Errors
    /// If the connection is gone or the process has ended.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        let linger = Some(Duration::ZERO);
        self.socket.set_options(|options| options.linger = linger)
    }

    /// What was set by [`Self::set_zero_linger`].
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.option(|options| options.linger)
    }

    /// The time to live of what it sends. No router between simulated hosts counts it.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn ttl(&self) -> io::Result<u32> {
        self.option(|options| options.ttl)
    }

    /// See [`Self::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` outside of 1 to 255; if the connection is gone or the process has ended.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = time_to_live(ttl)?;
        self.socket.set_options(|options| options.ttl = ttl)
    }

    /// Borrowed halves.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::split(self)
    }

    /// Owned halves. Dropping the writing half ends the stream in that direction.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::into_split(self)
    }

    /// Ends the outgoing direction when its half is dropped; the process may be gone by then.
    pub(super) fn end_stream_on_drop(&self) {
        self.socket.end_stream();
    }

    pub(super) fn poll_shutdown_write(&self) -> Poll<io::Result<()>> {
        match self.socket.shutdown(Shutdown::Write) {
            // As on Linux, where ending what has ended already is told as NotConnected.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

/// Refuses what is not modelled.
#[track_caller]
pub(super) fn not_lingering(name: &str, linger: Option<Duration>) {
    assert!(
        linger.is_none_or(|time| time.is_zero()),
        "{name} with a time is not modelled: closing would stop the thread for that long (a linger of \
         zero is)"
    );
}

/// A time to live as the kernel accepts it.
pub(super) fn time_to_live(ttl: u32) -> io::Result<u32> {
    let valid = (1..=255).contains(&ttl);
    valid
        .then_some(ttl)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl AsRef<Self> for TcpStream {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket.poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown_write()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, peer) = (self.local_addr().ok(), self.peer_addr().ok());
        f.debug_struct("TcpStream")
            .field("local", &local)
            .field("peer", &peer)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TcpListener, TcpStream};

    fn room<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// A task that serves a connection for long has room for what it awaited before; unless that is
    /// small each poll touches memory far apart.
    #[test]
    fn to_connect_or_to_bind_takes_little_room_in_the_task_that_awaits_it() {
        assert!(room(TcpStream::connect::<&str>) <= 64);
        assert!(room(TcpListener::bind::<&str>) <= 64);
    }
}
