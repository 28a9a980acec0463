//! The pooled client: connections are shared by host and port, deadlines and limits are per call.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{self, Client as Pool};
use tokio::time::{Instant, timeout_at};

use super::connector::{Ends, Written};
use super::error::{classify, classify_connect};
use super::multiplexed::Multiplexed;
use super::{
    Body, BoxError, ClientPolicy, Connector, Error, Executor, InvalidPolicy, Protocol, Sent, Timer,
    boxed, collect,
};
use crate::tls::Dialer;
use crate::trace;

/// How a client keeps its connections.
#[derive(Clone)]
enum Connections {
    Http1(Pool<Connector, Body>),
    Http2(Multiplexed),
}

/// A request was handed to a connection. An HTTP/1.1 connection carries no other until this one is
/// answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The client's end of the connection.
    pub local: SocketAddr,
    /// The server's end.
    pub peer: SocketAddr,
    /// The trace that the request belongs to.
    pub trace: u128,
}

/// Is told of requests; called outside of every lock.
type ClientObserver = dyn Fn(&Sending) + Send + Sync;

/// A client with pooled connections, HTTP/1.1 or HTTP/2; clones share the pool.
///
/// It never repeats a request by itself: an attempt is one attempt, and [`Error::sent`] says what a
/// caller may do next. Request URIs are absolute (`http://name:port/path`); a `Host` header that is
/// already there is kept.
#[derive(Clone)]
pub struct Client {
    connections: Connections,
    observer: Option<Arc<ClientObserver>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.connections {
            Connections::Http1(_) => "HTTP/1.1",
            Connections::Http2(_) => "HTTP/2",
        };
        f.debug_struct("Client")
            .field("protocol", &protocol)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client with a pool of its own.
    ///
    /// # Errors
    ///
    /// A setting that cannot work, by name.
    pub fn new(policy: &ClientPolicy) -> Result<Self, InvalidPolicy> {
        Self::over(policy, Connector::new(policy.connect_timeout))
    }

    /// A client with a pool of its own whose connections are secured: request URIs begin with `https`.
    /// The dialer has to be one for the policy's protocol.
    ///
    /// # Errors
    ///
    /// A setting that cannot work, by name.
    pub fn secured(policy: &ClientPolicy, dialer: Dialer) -> Result<Self, InvalidPolicy> {
        Self::over(
            policy,
            Connector::new(policy.connect_timeout).secured(dialer),
        )
    }

    fn over(policy: &ClientPolicy, connector: Connector) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        let connections = match policy.protocol {
            Protocol::Http1 => Connections::Http1(pool(policy, connector)),
            Protocol::Http2 => Connections::Http2(Multiplexed::new(policy, connector)),
        };
        Ok(Self {
            connections,
            observer: None,
        })
    }

    /// The same client, telling `observer` of each request that belongs to a trace when it is handed to a
    /// connection.
    #[must_use]
    pub fn observed(mut self, observer: impl Fn(&Sending) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sends a request and waits for the head of its answer, at most until `deadline`.
    ///
    /// The answer's body streams; bound it with [`collect`] and the same deadline.
    ///
    /// # Errors
    ///
    /// See [`Error`]; a status of 4xx or 5xx is an answer, not an error.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the exchange: an HTTP/1.1 connection that already carries the request is
    /// closed and never goes back to the pool; of an HTTP/2 connection only the stream is reset.
    pub async fn send<B>(
        &self,
        request: Request<B>,
        deadline: Option<Instant>,
    ) -> Result<Response<Incoming>, Error>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = request.map(boxed);
        match &self.connections {
            Connections::Http1(pool) => self.send_alone(pool, request, deadline).await,
            Connections::Http2(lines) => self.send_along(lines, request, deadline).await,
        }
    }

    /// Over HTTP/2, on a connection that carries others as well.
    async fn send_along(
        &self,
        lines: &Multiplexed,
        request: Request<Body>,
        deadline: Option<Instant>,
    ) -> Result<Response<Incoming>, Error> {
        let ready = lines.ready(request.uri());
        let ready = within(deadline, ready, Sent::No).await?;
        let trace = trace::read(request.headers());
        if let (Some(tell), Some(trace), Some(ends)) = (&self.observer, trace, ready.ends) {
            let Ends { local, peer } = ends;
            tell(&Sending { local, peer, trace });
        }
        within(deadline, ready.send(request), Sent::Maybe).await
    }

    /// Over HTTP/1.1, on a connection that carries nothing else meanwhile.
    async fn send_alone(
        &self,
        pool: &Pool<Connector, Body>,
        mut request: Request<Body>,
        deadline: Option<Instant>,
    ) -> Result<Response<Incoming>, Error> {
        let connection = capture_connection(&mut request);
        let observer = self.observer.as_deref();
        let observer = observer.and_then(|tell| Some((tell, trace::read(request.headers())?)));
        let answer = telling(pool.request(request), &connection, observer);
        let result = match deadline {
            None => answer.await,
            Some(deadline) => match timeout_at(deadline, answer).await {
                Ok(result) => result,
                Err(_) => {
                    return Err(Error::Deadline {
                        sent: sent_on(&connection),
                    });
                }
            },
        };
        result.map_err(|error| explain(error, &connection))
    }

    /// Sends a request and reads its whole answer: head and at most `limit` bytes of body, all before
    /// `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`collect`].
    ///
    /// # Cancellation
    ///
    /// As [`send`](Self::send).
    pub async fn call<B>(
        &self,
        request: Request<B>,
        deadline: Option<Instant>,
        limit: usize,
    ) -> Result<Response<Bytes>, Error>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = self.send(request, deadline).await?.into_parts();
        let body = collect(body, limit, deadline).await?;
        Ok(Response::from_parts(head, body))
    }
}

/// At most until `deadline`; `sent` is what may have happened until then.
async fn within<T>(
    deadline: Option<Instant>,
    step: impl Future<Output = Result<T, Error>>,
    sent: Sent,
) -> Result<T, Error> {
    match deadline {
        None => step.await,
        Some(deadline) => timeout_at(deadline, step)
            .await
            .unwrap_or(Err(Error::Deadline { sent })),
    }
}

fn pool(policy: &ClientPolicy, connector: Connector) -> Pool<Connector, Body> {
    Pool::builder(Executor)
        .timer(Timer)
        .pool_timer(Timer)
        .pool_idle_timeout(policy.idle_timeout)
        .pool_max_idle_per_host(policy.max_idle_per_host)
        .http1_max_headers(policy.max_headers)
        .retry_canceled_requests(false)
        .build(connector)
}

impl tower::Service<Request<Body>> for Client {
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { client.send(request, None).await })
    }
}

/// A connection that was never picked, or has not written a byte yet, cannot have sent the request.
/// One that has may have carried earlier requests only; that cannot be told apart, so it counts.
fn sent_on(connection: &CaptureConnection) -> Sent {
    let picked = connection.connection_metadata();
    let Some(picked) = picked.as_ref() else {
        return Sent::No;
    };
    let mut extras = Extensions::new();
    picked.get_extras(&mut extras);
    match extras.get::<Written>() {
        Some(written) if written.is_zero() => Sent::No,
        _ => Sent::Maybe,
    }
}

/// The answer, and on the way the observer is told of the connection as soon as there is one.
async fn telling<F: Future>(
    answer: F,
    connection: &CaptureConnection,
    mut observer: Option<(&ClientObserver, u128)>,
) -> F::Output {
    let mut answer = pin!(answer);
    poll_fn(|cx| {
        let polled = answer.as_mut().poll(cx);
        if let Some((tell, trace)) = observer
            && let Some(Ends { local, peer }) = ends_of(connection)
        {
            observer = None;
            tell(&Sending { local, peer, trace });
        }
        polled
    })
    .await
}

fn ends_of(connection: &CaptureConnection) -> Option<Ends> {
    let mut extras = Extensions::new();
    let picked = connection.connection_metadata();
    picked.as_ref()?.get_extras(&mut extras);
    extras.get().copied()
}

fn explain(error: legacy::Error, connection: &CaptureConnection) -> Error {
    if error.is_connect() {
        classify_connect(error.into())
    } else {
        classify(error.into(), sent_on(connection))
    }
}
