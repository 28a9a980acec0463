//! Datagrams.

use super::{ToSocketAddrs, address::addresses};
use crate::sim::io::{Interest, ReadBuf, Ready};
use bytes::BufMut;
use std::{
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll, Waker},
};
use windtunnel_engine::network::UdpSocket as Socket;

/// A socket for datagrams, which come late, twice, out of order, wrong or not at all. Dropping it
/// frees its port. All that waits here is cancellation-safe.
pub struct UdpSocket {
    socket: Socket,
}

fn without_waiting<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn nobody() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl UdpSocket {
    /// A socket at the first of the addresses that can be had.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, or the lookup's.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        let mut last = None;
        for address in addresses(addr.meant()).await? {
            match Socket::bind(address) {
                Ok(socket) => return Ok(Self { socket }),
                Err(error) => last = Some(error),
            }
        }
        let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to bind");
        Err(last.unwrap_or_else(nowhere))
    }

    /// From now on it speaks with the first of the addresses only.
    ///
    /// # Errors
    /// The lookup's.
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let nowhere = || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to connect to");
        let peer = addresses(addr.meant()).await?.into_iter().next();
        self.socket.connect(peer.ok_or_else(nowhere)?)
    }

    /// The address of this end.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// `NotConnected` if it has none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Waits until it is ready for some of `interest`; it always is for sending. The answer is what is
    /// the case now.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.socket.ready(interest).await
    }

    /// Waits until a receive would not wait.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Ready at once: sending never waits.
    ///
    /// # Errors
    /// If the process has ended.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// See [`Self::readable`].
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_readable(cx)
    }

    /// See [`Self::writable`].
    pub fn poll_send_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.local_addr().map(drop))
    }

    /// Sends to the peer.
    ///
    /// # Errors
    /// `ConnectionRefused` if an earlier datagram met a host on which nobody has that port;
    /// EDESTADDRREQ without a peer; EMSGSIZE above 65,507 bytes.
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send(buf, None)
    }

    /// See [`Self::send`].
    pub fn poll_send(&self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.socket.send(buf, None))
    }

    /// See [`Self::send`].
    ///
    /// # Errors
    /// Those of a send.
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send(buf, None)
    }

    /// Sends to the first of the addresses.
    ///
    /// # Errors
    /// Those of a send, and the lookup's.
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], target: A) -> io::Result<usize> {
        let nowhere =
            || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to send data to");
        let target = addresses(target.meant()).await?.into_iter().next();
        self.socket.send(buf, Some(target.ok_or_else(nowhere)?))
    }

    /// See [`Self::send_to`].
    pub fn poll_send_to(
        &self,
        _: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.socket.send(buf, Some(target)))
    }

    /// See [`Self::send_to`].
    ///
    /// # Errors
    /// Those of a send.
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.socket.send(buf, Some(target))
    }

    /// Receives a datagram; what does not fit is lost.
    ///
    /// # Errors
    /// `ConnectionRefused` if a datagram to the peer met a host on which nobody has that port.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buf).await.map(|(count, _)| count)
    }

    /// See [`Self::recv`].
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_recv_from(cx, buf).map_ok(drop)
    }

    /// See [`Self::recv`].
    ///
    /// # Errors
    /// `WouldBlock` if nothing has come; those of a receive.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_recv_from(buf).map(|(count, _)| count)
    }

    /// Receives into what is left of `buf`'s room.
    ///
    /// # Errors
    /// Those of a receive.
    pub async fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.recv_buf_from(buf).await.map(|(count, _)| count)
    }

    /// Receives a datagram, and tells who sent it; what does not fit is lost.
    ///
    /// # Errors
    /// Those of a receive.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut into = ReadBuf::new(buf);
        let from = poll_fn(|cx| self.poll_recv_from(cx, &mut into)).await?;
        Ok((into.filled().len(), from))
    }

    /// See [`Self::recv_from`].
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.socket.poll_receive(cx, buf, true)
    }

    /// See [`Self::recv_from`].
    ///
    /// # Errors
    /// `WouldBlock` if nothing has come; those of a receive.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut into = ReadBuf::new(buf);
        let from = without_waiting(self.poll_recv_from(&mut nobody(), &mut into))?;
        Ok((into.filled().len(), from))
    }

    /// Receives into what is left of `buf`'s room, and tells who sent it.
    ///
    /// # Errors
    /// Those of a receive.
    pub async fn recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        loop {
            self.readable().await?;
            match self.try_recv_buf_from(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// See [`Self::recv_buf_from`].
    ///
    /// # Errors
    /// `WouldBlock` if nothing has come; those of a receive.
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let chunk = buf.chunk_mut();
        // SAFETY: the slice is only ever written to, by `ReadBuf`, which keeps account of that.
        let mut into = ReadBuf::uninit(unsafe { chunk.as_uninit_slice_mut() });
        let from = without_waiting(self.poll_recv_from(&mut nobody(), &mut into))?;
        let count = into.filled().len();
        // SAFETY: so many bytes were written at the beginning of the chunk.
        unsafe { buf.advance_mut(count) };
        Ok((count, from))
    }

    /// See [`Self::recv_buf`].
    ///
    /// # Errors
    /// `WouldBlock` if nothing has come; those of a receive.
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_recv_buf_from(buf).map(|(count, _)| count)
    }

    /// Reads a datagram and leaves it where it is.
    ///
    /// # Errors
    /// Those of a receive.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.peek_from(buf).await.map(|(count, _)| count)
    }

    /// See [`Self::peek`].
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_peek_from(cx, buf).map_ok(drop)
    }

    /// See [`Self::peek`].
    ///
    /// # Errors
    /// `WouldBlock` if nothing has come; those of a receive.
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_peek_from(buf).map(|(count, _)| count)
    }

    /// Reads a datagram and leaves it where it is, and tells who sent it.
    ///
    /// # Errors
    /// Those of a receive.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut into = ReadBuf::new(buf);
        let from = poll_fn(|cx| self.poll_peek_from(cx, &mut into)).await?;
        Ok((into.filled().len(), from))
    }

    /// See [`Self::peek_from`].
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.socket.poll_receive(cx, buf, false)
    }

    /// See [`Self::peek_from`].
    ///
    /// # Errors
    /// `WouldBlock` if nothing has come; those of a receive.
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut into = ReadBuf::new(buf);
        let from = without_waiting(self.poll_peek_from(&mut nobody(), &mut into))?;
        Ok((into.filled().len(), from))
    }

    /// Who sent the next datagram.
    ///
    /// # Errors
    /// Those of a receive.
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.peek_from(&mut []).await.map(|(_, from)| from)
    }

    /// Whether it may send to everybody.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.broadcast()
    }

    /// See [`Self::broadcast`]. What is sent to 255.255.255.255 reaches the hosts of one zone.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.socket.set_broadcast(on)
    }

    /// How many routers a datagram may pass. It is told as it was set; there are no routers.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.ttl()
    }

    /// See [`Self::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` unless it is 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_ttl(ttl)
    }

    /// What the next call would be told, which then is not told.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}
