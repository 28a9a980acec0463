//! The accept loop: one task per connection, a limit on connections, a drain that finishes its work.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use super::door::{Door, Guest, Knock};
use super::preface::{Spoken, listen};
use super::strict::Strict;
use super::tenure::tenure;
use super::{BoxError, Executor, InvalidPolicy, Protocols, ServerPolicy, Timer};
use crate::tls::{Acceptor, Secured};
use crate::trace;

/// The address a request's connection came from; every request carries it as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What happened to a server, for whoever observes it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent<'a> {
    /// A connection was accepted and is being served.
    Opened {
        /// Where it came from.
        peer: SocketAddr,
    },
    /// A connection was closed at once, because its client holds too many.
    Refused {
        /// Where it came from.
        peer: SocketAddr,
    },
    /// A client's handshake succeeded.
    Secured {
        /// Where it came from.
        peer: SocketAddr,
        /// What was agreed on.
        secured: &'a Secured,
    },
    /// A client's handshake failed; its connection is closed.
    HandshakeFailed {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        error: &'a (dyn std::error::Error + 'static),
    },
    /// A request that belongs to a trace begins to be served.
    Serving {
        /// The server's end of the connection.
        local: SocketAddr,
        /// Where it came from.
        peer: SocketAddr,
        /// The trace.
        trace: u128,
    },
    /// A connection ended; `error` is what ended it early, if anything did.
    Closed {
        /// Where it came from.
        peer: SocketAddr,
        /// A time-out, a reset, invalid HTTP or a failed service.
        error: Option<&'a (dyn std::error::Error + 'static)>,
    },
    /// The listener could not hand out a connection; the loop goes on.
    AcceptFailed {
        /// What the listener reported.
        error: &'a io::Error,
    },
    /// The shutdown was asked for; this many connections are open.
    Draining {
        /// Open connections.
        open: usize,
    },
    /// The server ended.
    Drained(Drained),
}

/// Sees the events of a server. Called outside of every lock; a panic in it ends only the task it
/// runs on.
pub trait ServerObserver: Send + Sync + 'static {
    /// One event, as it happens.
    fn observe(&self, event: &ServerEvent<'_>);
}

impl<F: Fn(&ServerEvent<'_>) + Send + Sync + 'static> ServerObserver for F {
    fn observe(&self, event: &ServerEvent<'_>) {
        self(event);
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy when the grace period ended, and were cut.
    pub cut: usize,
}

/// A server with settings and an observer; [`serve`] is the short form.
#[derive(Clone)]
pub struct Server {
    policy: ServerPolicy,
    observer: Arc<dyn ServerObserver>,
    /// None: connections are plain.
    tls: Option<Acceptor>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Serves a tower service (an axum `Router`, a [`Gateway`](crate::gateway::Gateway), anything) on a
/// listener until `shutdown` completes, then drains; default [`ServerPolicy`], no observer.
///
/// See [`Server::serve`].
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let server = Server {
        policy: ServerPolicy::default(),
        observer: Arc::new(|_: &ServerEvent<'_>| {}),
        tls: None,
    };
    server.serve(listener, service, shutdown).await
}

impl Server {
    /// A server with these limits, telling `observer` what happens.
    ///
    /// # Errors
    ///
    /// A setting that cannot work, by name.
    pub fn new(policy: ServerPolicy, observer: impl ServerObserver) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            observer: Arc::new(observer),
            tls: None,
        })
    }

    /// The same server behind TLS. The handshake has to end within the time that a head may take; every
    /// request carries what it established as the extension [`Secured`].
    #[must_use]
    pub fn secured(mut self, acceptor: Acceptor) -> Self {
        self.tls = Some(acceptor);
        self
    }

    /// Accepts connections and serves HTTP/1.1 or HTTP/2 on each, in a task of its own, until `shutdown`
    /// completes. Then it goes on accepting for the lame-duck time (while readiness, which `shutdown`
    /// should have ended, spreads), closes the listener, lets every exchange in flight finish
    /// within the grace period, and cuts the rest.
    ///
    /// Every request carries the extensions [`Peer`] and [`Tenure`](super::Tenure), and its trace is in
    /// force while it is served. An accept error never ends the loop: errors of one connection are passed
    /// over, others (no file handles left) are waited out, 10 ms doubling to 1 s.
    /// A service error closes its connection; a panic in the service ends only its connection.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the listener and every connection at once.
    pub async fn serve<S, B>(
        &self,
        listener: TcpListener,
        service: S,
        shutdown: impl Future<Output = ()>,
    ) -> Drained
    where
        S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (closing, closed) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut door = Door::new(&self.policy, listener);
        let mut shutdown = pin!(shutdown);
        let mut closes_at: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown, if closes_at.is_none() => {
                    self.observer.observe(&ServerEvent::Draining { open: tasks.len() });
                    if self.policy.lame_duck.is_zero() {
                        break;
                    }
                    closes_at = Some(Instant::now() + self.policy.lame_duck);
                }
                () = at(closes_at) => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                knock = door.accept() => match knock {
                    Ok(Some(guest)) => {
                        let task = self.clone().host(guest, service.clone(), closed.clone());
                        tasks.spawn(task);
                    }
                    Ok(None) => {}
                    Err(Knock::Refused(peer)) => {
                        self.observer.observe(&ServerEvent::Refused { peer });
                    }
                    Err(Knock::Failed(error)) => {
                        self.observer.observe(&ServerEvent::AcceptFailed { error: &error });
                    }
                },
            }
        }
        drop(door);
        closing.send_replace(true);
        let drained = self.drain(tasks).await;
        self.observer.observe(&ServerEvent::Drained(drained));
        drained
    }

    async fn drain(&self, mut tasks: JoinSet<()>) -> Drained {
        let finished = timeout(self.policy.grace, async {
            while tasks.join_next().await.is_some() {}
        });
        let cut = if finished.await.is_ok() {
            0
        } else {
            tasks.len()
        };
        tasks.shutdown().await;
        Drained { cut }
    }

    /// Serves one connection to its end.
    async fn host<S, B>(self, guest: Guest, service: S, closing: watch::Receiver<bool>)
    where
        S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Guest { stream, peer, seat } = guest;
        self.observer.observe(&ServerEvent::Opened { peer });
        let ends = Ends {
            peer,
            local: stream.local_addr().ok(),
        };
        let ended = match &self.tls {
            None => self.attend(stream, ends, None, service, closing).await,
            Some(acceptor) => match self.shake_hands(acceptor, stream, closing.clone()).await {
                Ok(Some((stream, secured))) => {
                    self.observer.observe(&ServerEvent::Secured {
                        peer,
                        secured: &secured,
                    });
                    self.attend(stream, ends, Some(secured), service, closing)
                        .await
                }
                Ok(None) => Ok(()),
                Err(error) => {
                    self.observer.observe(&ServerEvent::HandshakeFailed {
                        peer,
                        error: &*error,
                    });
                    Err(error)
                }
            },
        };
        drop(seat);
        self.observer.observe(&ServerEvent::Closed {
            peer,
            error: ended.as_ref().err().map(|error| &**error as _),
        });
    }

    /// The handshake of a connection; none if the server closes before it is through.
    async fn shake_hands(
        &self,
        acceptor: &Acceptor,
        stream: TcpStream,
        mut closing: watch::Receiver<bool>,
    ) -> Result<Option<(TlsStream<TcpStream>, Secured)>, BoxError> {
        let patience = self.policy.header_timeout;
        tokio::select! {
            biased;
            done = timeout(patience, acceptor.accept(stream)) => {
                let done = done.map_err(|_| SlowHandshake(patience))??;
                Ok(Some(done))
            }
            // Nothing was asked yet.
            _ = closing.wait_for(|closing| *closing) => Ok(None),
        }
    }

    /// Answers all requests of a connection, plain or inside of its handshake's protection.
    async fn attend<I, S, B>(
        &self,
        stream: I,
        Ends { local, peer }: Ends,
        secured: Option<Secured>,
        service: S,
        closing: watch::Receiver<bool>,
    ) -> Result<(), BoxError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let observer = self.observer.clone();
        let (tenure, landlord) = tenure();
        let agreed = secured
            .as_ref()
            .and_then(|secured| secured.protocol.clone());
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(tenure.clone());
            if let Some(secured) = &secured {
                request.extensions_mut().insert(secured.clone());
            }
            let trace = trace::read(request.headers());
            if let (Some(local), Some(trace)) = (local, trace) {
                observer.observe(&ServerEvent::Serving { local, peer, trace });
            }
            trace::within(trace, service.clone().oneshot(request))
        });
        let is_other = landlord.is_other.clone();
        let agreed = agreed.as_deref();
        let ended = self
            .converse(stream, agreed, is_other, answer, closing)
            .await;
        landlord.vacated().await;
        ended
    }

    /// Speaks what the client speaks, to the end of the connection.
    async fn converse<I, A, B>(
        &self,
        stream: I,
        agreed: Option<&[u8]>,
        is_other: Arc<AtomicBool>,
        answer: A,
        closing: watch::Receiver<bool>,
    ) -> Result<(), BoxError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        A: hyper::service::Service<Request<Incoming>, Response = Response<B>>,
        A::Future: Send + 'static,
        A::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let patience = self.policy.header_timeout;
        let mut told = closing.clone();
        let heard = tokio::select! {
            biased;
            heard = timeout(patience, listen(stream)) => heard.map_err(|_| Silent(patience))??,
            // Nothing was asked yet.
            _ = told.wait_for(|closing| *closing) => return Ok(()),
        };
        if agreed.is_some_and(|agreed| agreed != heard.0.name()) {
            return Err("another protocol is spoken than was agreed on".into());
        }
        match (heard, self.policy.protocols) {
            ((Spoken::Http2, stream), Protocols::Both | Protocols::Http2) => {
                let connection = self.http2().serve_connection(stream, answer);
                finish(connection, closing).await
            }
            ((Spoken::Http1, _), Protocols::Http2) => Err("HTTP/2 is spoken here".into()),
            ((_, stream), _) => {
                let stream = Strict::new(stream, is_other);
                let connection = self.http1().serve_connection(stream, answer);
                finish(connection.with_upgrades(), closing).await
            }
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(Timer)
            .header_read_timeout(self.policy.header_timeout)
            .max_headers(self.policy.max_headers)
            .max_header_size(self.policy.max_header_bytes)
            .max_buf_size(self.policy.max_header_bytes);
        builder
    }

    fn http2(&self) -> http2::Builder<Executor> {
        let mut builder = http2::Builder::new(Executor);
        builder
            .timer(Timer)
            .max_concurrent_streams(self.policy.max_streams)
            .max_header_list_size(self.policy.max_header_bytes as u32)
            .keep_alive_interval(self.policy.ping_interval)
            .keep_alive_timeout(self.policy.ping_timeout);
        builder
    }
}

/// The client said nothing that could be understood in time.
#[derive(Debug, thiserror::Error)]
#[error("no request began within {0:?}")]
struct Silent(std::time::Duration);

/// The client did not finish its handshake in time.
#[derive(Debug, thiserror::Error)]
#[error("no handshake within {0:?}")]
struct SlowHandshake(std::time::Duration);

/// The addresses of a connection.
#[derive(Clone, Copy)]
struct Ends {
    local: Option<SocketAddr>,
    peer: SocketAddr,
}

/// A connection of either protocol.
trait Conversation: Future<Output = hyper::Result<()>> {
    /// Takes no further request, and ends when the exchanges under way have.
    fn close(self: Pin<&mut Self>);
}

impl<I, A, B> Conversation for http1::UpgradeableConnection<I, A>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    A: hyper::service::HttpService<Incoming, ResBody = B>,
    A::Error: Into<BoxError>,
    B: http_body::Body + 'static,
    B::Error: Into<BoxError>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, A, B> Conversation for http2::Connection<I, A, Executor>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    A: hyper::service::HttpService<Incoming, ResBody = B>,
    A::Future: Send + 'static,
    A::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn finish(
    connection: impl Conversation,
    mut closing: watch::Receiver<bool>,
) -> Result<(), BoxError> {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        _ = closing.wait_for(|closing| *closing) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().close();
            connection.await
        }
    };
    ended.map_err(Into::into)
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
