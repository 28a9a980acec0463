//! Server and client against each other, and against peers that misbehave.

mod client;
mod frames;
mod h2;
mod hostile;
mod server;
mod trace;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn};
use tokio::time::{Instant, timeout};
use tower::service_fn;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn soon() -> Option<Instant> {
    Some(Instant::now() + PATIENCE)
}

fn client() -> Client {
    Client::new(&ClientPolicy::default()).unwrap()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn request(method: Method, address: SocketAddr, path: &str, body: &'static str) -> Request<Body> {
    let uri = format!("http://{address}{path}");
    Request::builder()
        .method(method)
        .uri(uri)
        .body(full(body))
        .unwrap()
}

/// A server of [`Echo`] with a policy; ends when the sender is used or dropped.
async fn start(policy: ServerPolicy) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<Drained>) {
    let (listener, address) = listener().await;
    let (stop, stopped) = oneshot::channel();
    let server = Server::new(policy, |_: &ServerEvent<'_>| {}).unwrap();
    let task = spawn(async move {
        server
            .serve(listener, Echo, async { stopped.await.unwrap_or(()) })
            .await
    });
    (address, stop, task)
}
