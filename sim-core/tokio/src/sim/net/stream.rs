//! A TCP connection.

use super::{
    ToSocketAddrs,
    split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf},
};
use crate::sim::io::{AsyncRead, AsyncWrite, ReadBuf};
use std::{
    fmt,
    future::poll_fn,
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};
use windtunnel_engine::network::{Socket, connect};

/// A connection between two hosts. Dropping it closes it: FIN, or RST if bytes were left unread.
pub struct TcpStream {
    pub(super) socket: Socket,
    no_delay: AtomicBool,
}

impl TcpStream {
    pub(super) const fn new(socket: Socket) -> Self {
        Self {
            socket,
            no_delay: AtomicBool::new(false),
        }
    }

    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// The last address's error: `ConnectionRefused`, `TimedOut`, or the lookup's.
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        let mut last = None;
        for address in addr.addresses()? {
            match connect(address).await {
                Ok(socket) => return Ok(Self::new(socket)),
                Err(error) => last = Some(error),
            }
        }
        let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to connect to");
        Err(last.unwrap_or_else(nowhere))
    }

    /// This end's address.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The other end's address.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Whether Nagle's algorithm is off. The simulated TCP never waits for more to send.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.no_delay.load(Ordering::Relaxed))
    }

    /// See [`Self::nodelay`].
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.no_delay.store(nodelay, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until a read would not wait.
    ///
    /// # Errors
    /// What the read would give.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| self.socket.poll_readable(cx)).await
    }

    /// Reads without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing has arrived.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut into = ReadBuf::new(buf);
        match self
            .socket
            .poll_read(&mut Context::from_waker(Waker::noop()), &mut into)
        {
            Poll::Ready(result) => result.map(|()| into.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if the send buffer is full.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        match self
            .socket
            .poll_write(&mut Context::from_waker(Waker::noop()), buf)
        {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Reads without taking the bytes away.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut into = ReadBuf::new(buf);
        poll_fn(|cx| self.socket.poll_peek(cx, &mut into)).await?;
        Ok(into.filled().len())
    }

    /// Borrowed halves.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::split(self)
    }

    /// Owned halves. Dropping the writing half ends the stream in that direction.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::into_split(self)
    }

    /// Accepted for compatibility; only "no lingering" is modelled, which is the default.
    ///
    /// # Errors
    /// If lingering is asked for: it is not modelled.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        match linger {
            None => Ok(()),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "SO_LINGER is not modelled",
            )),
        }
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
        gather(&self.socket, cx, bufs)
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

/// Writes several pieces as one segment.
pub(super) fn gather(
    socket: &Socket,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    match bufs {
        [] => Poll::Ready(Ok(0)),
        [one] => socket.poll_write(cx, one),
        several => {
            let length = several.iter().map(|piece| piece.len()).sum();
            let mut all = Vec::with_capacity(length);
            for piece in several {
                all.extend_from_slice(piece);
            }
            socket.poll_write(cx, &all)
        }
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
