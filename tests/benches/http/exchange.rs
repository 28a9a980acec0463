//! Requests and answers by hyper and axum, over HTTP/1.1 and HTTP/2.

use crate::worlds::{Stream, Task};
use axum::{Router, routing::get};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
    server::conn,
    service::service_fn,
};
use tower::ServiceExt;
use windtunnel_models::http::Io;

/// How tasks are spawned.
pub type Spawn = fn(Task);

/// Spawns for hyper.
#[derive(Clone)]
pub struct Spawner(pub Spawn);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Spawner {
    fn execute(&self, future: F) {
        (self.0)(Box::pin(future));
    }
}

/// A version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One request after the other.
    Http1,
    /// Streams in frames.
    Http2,
}

/// What is served.
pub fn app() -> Router {
    Router::new().route("/hello", get(|| async { "hello, world" }))
}

/// Serves one connection.
pub async fn serve(stream: impl Stream, app: Router, version: Version, spawn: Spawn) {
    let service = service_fn(move |request| app.clone().oneshot(request));
    let served = match version {
        Version::Http1 => {
            conn::http1::Builder::new()
                .serve_connection(Io::new(stream), service)
                .await
        }
        Version::Http2 => {
            conn::http2::Builder::new(Spawner(spawn))
                .serve_connection(Io::new(stream), service)
                .await
        }
    };
    // A client that has all its answers hangs up.
    drop(served);
}

/// Sends requests over one connection, one after the other.
pub async fn ask(stream: impl Stream, requests: u32, version: Version, spawn: Spawn) {
    match version {
        Version::Http1 => {
            let (mut sender, connection) =
                http1::handshake(Io::new(stream)).await.expect("a stream");
            spawn(Box::pin(async {
                connection.await.ok();
            }));
            for _ in 0..requests {
                check(sender.send_request(request()).await).await;
            }
        }
        Version::Http2 => {
            let (mut sender, connection) = http2::handshake(Spawner(spawn), Io::new(stream))
                .await
                .expect("a stream");
            spawn(Box::pin(async {
                connection.await.ok();
            }));
            for _ in 0..requests {
                check(sender.send_request(request()).await).await;
            }
        }
    }
}

/// The request that everybody sends.
pub fn request() -> Request<Empty<Bytes>> {
    let request = Request::get("http://server/hello").header("host", "server");
    request.body(Empty::new()).expect("a request")
}

async fn check(response: hyper::Result<Response<Incoming>>) {
    let response = response.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.collect().await.expect("a body").to_bytes();
    assert_eq!(body, "hello, world");
}
