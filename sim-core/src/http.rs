//! A small HTTP/1.1 client for loads: one connection for each request, as for a newcomer each time.

use crate::{
    client::{Answer, Failure},
    simulation, trace,
};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use std::{fmt, io};
use windtunnel_record::Outcome;

mod stream;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
}

impl Answer for Response {
    fn tell(&self) -> (Outcome, String) {
        self.status.tell()
    }
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL or a header cannot be sent.
    #[error("failed to make the request: {0}")]
    Request(String),
    /// No connection.
    #[error("failed to connect: {0}")]
    Connect(#[source] io::Error),
    /// The connection broke, or did not speak HTTP.
    #[error("failed to get an answer: {0}")]
    Exchange(#[source] hyper::Error),
}

impl Failure for Error {
    fn surely_not_done(&self) -> bool {
        !matches!(self, Self::Exchange(_))
    }
}

/// Sends a GET.
///
/// # Errors
/// See [`Error`].
pub async fn get(url: impl fmt::Display) -> Result<Response, Error> {
    send(Method::GET, url, Bytes::new()).await
}

/// Sends a POST without a body.
///
/// # Errors
/// See [`Error`].
pub async fn post(url: impl fmt::Display) -> Result<Response, Error> {
    send(Method::POST, url, Bytes::new()).await
}

/// Sends a POST with a body.
///
/// # Errors
/// See [`Error`].
pub async fn post_body(url: impl fmt::Display, body: impl Into<Bytes>) -> Result<Response, Error> {
    send(Method::POST, url, body.into()).await
}

/// Sends a request. There is no time limit: wrap it in `tokio::time::timeout` to have one; dropping
/// the future closes the connection. Within an operation it carries the operation's trace id.
///
/// # Errors
/// See [`Error`].
pub async fn send(method: Method, url: impl fmt::Display, body: Bytes) -> Result<Response, Error> {
    let wrong = |error: &dyn fmt::Display| Error::Request(error.to_string());
    let uri: Uri = url.to_string().parse().map_err(|error| wrong(&error))?;
    let authority = uri
        .authority()
        .ok_or_else(|| wrong(&"the URL names no host"))?
        .clone();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority.as_str())
        .body(Full::new(body))
        .map_err(|error| wrong(&error))?;
    request.headers_mut().extend(trace::traceparent());
    let port = authority.port_u16().unwrap_or(80);
    let stream = tokio::net::TcpStream::connect((authority.host(), port)).await;
    let stream = stream.map_err(Error::Connect)?;
    let ends = (stream.local_addr(), stream.peer_addr());
    let stream = stream::Stream::new(stream);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(Error::Exchange)?;
    if let ((Ok(local), Ok(peer)), Some(id)) = (ends, trace::trace_id()) {
        simulation::request_sent(local, peer, id);
    }
    let driver = AbortOnDrop(tokio::spawn(async move {
        // What ends the connection is told to the request as well.
        let _ = connection.await;
    }));
    let response = sender
        .send_request(request)
        .await
        .map_err(Error::Exchange)?;
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(Error::Exchange)?
        .to_bytes();
    drop(driver);
    Ok(Response { status, body })
}

/// Ends the connection's task with the request.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
