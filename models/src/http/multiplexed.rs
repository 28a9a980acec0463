//! HTTP/2 connections to upstreams: one per host and port, shared by all requests to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor as _;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use tower::Service;

use super::connector::Ends;
use super::error::{classify, classify_connect, refused_by_peer};
use super::{Body, ClientPolicy, Connector, Error, Executor, Sent, Timer};

/// How many hosts are remembered before those without a connection are forgotten.
const MANY: usize = 256;

/// Connections by authority. At most one is being opened for each; who else wants it waits for it.
#[derive(Clone)]
pub(super) struct Multiplexed {
    connector: Connector,
    idle_timeout: Duration,
    max_header_list: u32,
    lines: Arc<Mutex<BTreeMap<String, Arc<Line>>>>,
}

/// The connection to one authority, if there is one.
#[derive(Default)]
struct Line {
    open: AsyncMutex<Option<Open>>,
}

struct Open {
    sender: SendRequest<Body>,
    ends: Option<Ends>,
    used: Instant,
}

/// A connection to send on, and its addresses.
pub(super) struct Ready {
    sender: SendRequest<Body>,
    pub(super) ends: Option<Ends>,
}

impl Multiplexed {
    pub(super) fn new(policy: &ClientPolicy, connector: Connector) -> Self {
        Self {
            connector,
            idle_timeout: policy.idle_timeout,
            // A header field is taken for at most so many bytes; HTTP/1 has a limit of its own.
            max_header_list: 64 * 1024,
            lines: Arc::default(),
        }
    }

    /// A connection to where `uri` leads: the one there is, or a new one.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up a connection that it was opening; the next in line opens its own.
    pub(super) async fn ready(&self, uri: &Uri) -> Result<Ready, Error> {
        let authority = uri.authority();
        let authority = authority.ok_or_else(|| unsendable("the address has no host"))?;
        let line = self.line(authority.as_str());
        let mut open = line.open.lock().await;
        let now = Instant::now();
        let idle = |open: &Open| now.saturating_duration_since(open.used) > self.idle_timeout;
        if open
            .as_ref()
            .is_none_or(|open| open.sender.is_closed() || idle(open))
        {
            *open = Some(self.connect(uri.clone()).await?);
        }
        let Some(open) = open.as_mut() else {
            return Err(Error::Canceled);
        };
        open.used = now;
        Ok(Ready {
            sender: open.sender.clone(),
            ends: open.ends,
        })
    }

    fn line(&self, authority: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MANY && !lines.contains_key(authority) {
            lines.retain(|_, line| line.is_of_use());
        }
        lines.entry(authority.to_owned()).or_default().clone()
    }

    async fn connect(&self, uri: Uri) -> Result<Open, Error> {
        let stream = self.connector.clone().call(uri).await;
        let stream = stream.map_err(classify_connect)?;
        let ends = stream.ends();
        let (sender, connection) = Builder::new(Executor)
            .timer(Timer)
            .max_header_list_size(self.max_header_list)
            .handshake(stream)
            .await
            .map_err(|error| classify(error.into(), Sent::No))?;
        Executor.execute(async move {
            // Whoever waits on it learns of its end by the requests.
            let _ = connection.await;
        });
        Ok(Open {
            sender,
            ends,
            used: Instant::now(),
        })
    }
}

impl Line {
    /// Whether somebody waits for it or can send on it.
    fn is_of_use(&self) -> bool {
        let open = self.open.try_lock();
        open.map_or(true, |open| {
            open.as_ref().is_some_and(|open| !open.sender.is_closed())
        })
    }
}

impl Ready {
    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, Error> {
        let request = addressed(request)?;
        if self.sender.ready().await.is_err() {
            return Err(Error::Canceled);
        }
        let answer = self.sender.send_request(request).await;
        answer.map_err(|error| {
            let sent = if refused_by_peer(&error) {
                Sent::No
            } else {
                Sent::Maybe
            };
            classify(error.into(), sent)
        })
    }
}

/// The request with the authority that its `Host` header says: there is no such header in HTTP/2.
fn addressed(mut request: Request<Body>) -> Result<Request<Body>, Error> {
    let Some(host) = request.headers_mut().remove(HOST) else {
        return Ok(request);
    };
    let authority = Authority::try_from(host.as_bytes());
    let authority = authority.map_err(|_| unsendable("the `Host` header is no host"))?;
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme.get_or_insert(Scheme::HTTP);
    parts.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| Error::Unsendable(error.into()))?;
    Ok(request)
}

fn unsendable(problem: &'static str) -> Error {
    Error::Unsendable(problem.into())
}
