//! A socket before it listens or connects.

use super::{TcpListener, TcpStream, stream::not_lingering};
use std::{io, net::SocketAddr, time::Duration};
use windtunnel_engine::network::Draft;

/// A socket that is to listen or to connect. Dropping it frees the port it was bound to.
#[derive(Debug)]
pub struct TcpSocket {
    draft: Draft,
}

macro_rules! options {
    ($(
        $(#[$doc:meta])*
        $get:ident, $set:ident: $type:ty = $field:ident;
    )*) => {
        impl TcpSocket {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// Never here; the signature is tokio's.
                pub fn $set(&self, value: $type) -> io::Result<()> {
                    self.draft.set_options(|options| options.$field = value);
                    Ok(())
                }

                #[doc = concat!("See [`Self::", stringify!($set), "`].")]
                ///
                /// # Errors
                /// Never here; the signature is tokio's.
                pub fn $get(&self) -> io::Result<$type> {
                    Ok(self.draft.options().$field)
                }
            )*
        }
    };
}

options! {
    /// Whether a silent peer is probed: after two hours, then every 75 seconds, nine times; then the
    /// connection ends with `TimedOut`.
    keepalive, set_keepalive: bool = keep_alive;
    /// Whether the port may be had while only connections are left on it that set this too.
    reuseaddr, set_reuseaddr: bool = reuse_address;
    /// Whether others that set this too may have the same port. Connections are shared out among
    /// listeners by the address of the peer.
    reuseport, set_reuseport: bool = reuse_port;
    /// Whether small writes leave at once, rather than by Nagle's algorithm.
    nodelay, set_nodelay: bool = no_delay;
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn new_v4() -> io::Result<Self> {
        let draft = Draft::new(false);
        Ok(Self { draft })
    }

    /// A socket for IPv6. Simulated hosts have no address of IPv6 but the loopback one; a socket that
    /// listens on `[::]` accepts connections of both families.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn new_v6() -> io::Result<Self> {
        let draft = Draft::new(true);
        Ok(Self { draft })
    }

    /// How many bytes the kernel takes that are not acknowledged yet. Bounded as on Linux (2,304 to
    /// 212,992 bytes).
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.draft
            .set_options(|options| options.send_buffer = Some(size));
        Ok(())
    }

    /// Twice what was set, as Linux tells it.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        Ok(self.draft.options().send_buffer_told())
    }

    /// How many bytes the kernel holds that are not read yet. Bounded as on Linux (1,152 to 212,992
    /// bytes).
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.draft
            .set_options(|options| options.receive_buffer = Some(size));
        Ok(())
    }

    /// Twice what was set, as Linux tells it.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        Ok(self.draft.options().receive_buffer_told())
    }

    /// A linger of zero makes closing a reset, which discards what was not sent.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    ///
    /// # Panics
    /// With a time other than zero: closing would stop the thread for that long, which is not
    /// modelled.
    #[deprecated = "`SO_LINGER` causes the socket to block the thread on drop"]
    #[track_caller]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        not_lingering("TcpSocket::set_linger", dur);
        self.draft.set_options(|options| options.linger = dur);
        Ok(())
    }

    /// Makes closing a reset, which discards what was not sent.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.draft
            .set_options(|options| options.linger = Some(Duration::ZERO));
        Ok(())
    }

    /// What was set by [`Self::set_zero_linger`].
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.draft.options().linger)
    }

    /// The address it is bound to; all zeros before that.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.draft.local_addr())
    }

    /// Nothing: a socket that neither listens nor connects has no error to tell.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    /// Takes a port; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`; `InvalidInput` if it is bound already.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.draft.bind(addr)
    }

    /// Listens.
    ///
    /// # Errors
    /// `AddrInUse` if another socket listens on the port.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        Ok(TcpListener::new(self.draft.listen(backlog as usize)?))
    }

    /// Connects, from the bound address if there is one.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect`]; `AddrNotAvailable` if there is such a connection already.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        Ok(TcpStream::new(self.draft.connect(addr).await?))
    }
}
