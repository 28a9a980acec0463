//! Opens connections by name through the drop-in, with a limit on patience and a meter on writes.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection as PoolConnection};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::error::ConnectTimedOut;
use super::{BoxError, Io};
use crate::tls::Dialer;

/// How many bytes a connection has handed to its socket so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Written(Arc<AtomicU64>);

impl Written {
    pub(super) fn is_zero(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// The addresses of both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
}

/// Opens a connection to the authority of an `http` URI, or with a [`Dialer`] of an `https` one; names are
/// resolved by the drop-in.
#[derive(Clone, Debug)]
pub struct Connector {
    patience: Duration,
    tls: Option<Dialer>,
}

impl Connector {
    /// A connector that gives up after `patience`, name resolution and handshake included.
    pub const fn new(patience: Duration) -> Self {
        let tls = None;
        Self { patience, tls }
    }

    /// The same, for `https` only.
    #[must_use]
    pub fn secured(mut self, dialer: Dialer) -> Self {
        self.tls = Some(dialer);
        self
    }

    async fn connect(self, uri: Uri) -> Result<Connection, BoxError> {
        let host = uri.host().ok_or("the address has no host")?;
        let (scheme, port) = match self.tls {
            None => ("http", 80),
            Some(_) => ("https", 443),
        };
        if uri.scheme_str() != Some(scheme) {
            return Err(format!("only {scheme} is spoken here").into());
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(port);
        timeout(self.patience, self.open(host, port))
            .await
            .map_err(|_| ConnectTimedOut(self.patience))?
    }

    async fn open(&self, host: &str, port: u16) -> Result<Connection, BoxError> {
        let stream = TcpStream::connect((host, port)).await?;
        // A request is one small write that waits for its answer: exactly what Nagle would hold up.
        stream.set_nodelay(true)?;
        let ends = stream.local_addr().and_then(|local| {
            let peer = stream.peer_addr()?;
            Ok(Ends { local, peer })
        });
        let stream = match &self.tls {
            None => Stream::Plain { stream },
            Some(dialer) => {
                let stream = Box::new(dialer.connect(host, stream).await?);
                Stream::Secured { stream }
            }
        };
        Ok(Connection {
            ends: ends.ok(),
            stream: Io::new(stream),
            written: Written::default(),
        })
    }
}

impl tower::Service<Uri> for Connector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

pin_project! {
    /// A client's connection; it counts what it writes, so that an error can tell whether the server
    /// may have seen anything.
    #[derive(Debug)]
    pub struct Connection {
        #[pin]
        stream: Io<Stream>,
        ends: Option<Ends>,
        written: Written,
    }
}

impl Connection {
    /// Its addresses, if the socket knew them.
    pub(super) const fn ends(&self) -> Option<Ends> {
        self.ends
    }
}

impl PoolConnection for Connection {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.written.clone());
        match self.ends {
            Some(ends) => connected.extra(ends),
            None => connected,
        }
    }
}

impl hyper::rt::Read for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().stream.poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let result = this.stream.poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = result {
            this.written.add(count);
        }
        result
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let result = this.stream.poll_write_vectored(cx, buffers);
        if let Poll::Ready(Ok(count)) = result {
            this.written.add(count);
        }
        result
    }
}

pin_project! {
    /// What a connection is made of.
    #[derive(Debug)]
    #[project = Projected]
    enum Stream {
        Plain { #[pin] stream: TcpStream },
        Secured { #[pin] stream: Box<TlsStream<TcpStream>> },
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.project() {
            Projected::Plain { stream } => stream.poll_read(cx, buf),
            Projected::Secured { stream } => stream.poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.project() {
            Projected::Plain { stream } => stream.poll_write(cx, bytes),
            Projected::Secured { stream } => stream.poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.project() {
            Projected::Plain { stream } => stream.poll_flush(cx),
            Projected::Secured { stream } => stream.poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.project() {
            Projected::Plain { stream } => stream.poll_shutdown(cx),
            Projected::Secured { stream } => stream.poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain { stream } => stream.is_write_vectored(),
            Self::Secured { stream } => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.project() {
            Projected::Plain { stream } => stream.poll_write_vectored(cx, buffers),
            Projected::Secured { stream } => stream.poll_write_vectored(cx, buffers),
        }
    }
}
