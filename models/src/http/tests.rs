//! Server and client against each other, and against peers that misbehave.

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

#[tokio::test]
async fn a_request_and_its_answer_make_the_round_trip() {
    let (address, _stop, _task) = start(ServerPolicy::default()).await;
    let sent = request(Method::POST, address, "/a/b?c=d", "hello");
    let answer = client().call(sent, soon(), 1024).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-method"], "POST");
    assert_eq!(answer.headers()["x-path"], "/a/b");
    assert_eq!(answer.body(), "hello");
}

#[tokio::test]
async fn a_second_request_travels_on_the_pooled_connection() {
    let (listener, address) = listener().await;
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let server = Server::new(ServerPolicy::default(), move |event: &ServerEvent<'_>| {
        if matches!(event, ServerEvent::Opened { .. }) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let _task = spawn(async move {
        server
            .unwrap()
            .serve(listener, Echo, std::future::pending())
            .await
    });
    let client = client();
    for _ in 0..5 {
        client
            .call(request(Method::GET, address, "/", ""), soon(), 10)
            .await
            .unwrap();
    }
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_port_without_listener_is_refused_and_nothing_was_sent() {
    let (listener, address) = listener().await;
    drop(listener);
    let error = client()
        .call(request(Method::GET, address, "/", ""), soon(), 10)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ConnectRefused), "{error:?}");
    assert!(error.is_retryable_without_idempotency());
}

#[tokio::test]
async fn a_silent_server_meets_the_deadline_with_the_request_perhaps_sent() {
    let (listener, address) = listener().await;
    let deadline = Instant::now() + Duration::from_millis(50);
    let sent = request(Method::POST, address, "/", "x");
    let hold = spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
        drop(stream);
    });
    let error = client().call(sent, Some(deadline), 10).await.unwrap_err();
    assert!(
        matches!(error, Error::Deadline { sent: Sent::Maybe }),
        "{error:?}"
    );
    assert!(Instant::now() >= deadline);
    hold.abort();
}

#[tokio::test]
async fn a_server_that_closes_without_an_answer_leaves_the_outcome_open() {
    let (listener, address) = listener().await;
    let _peer = spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await.unwrap();
    });
    let error = client()
        .call(request(Method::GET, address, "/", ""), soon(), 10)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Closed { sent: Sent::Maybe }),
        "{error:?}"
    );
    assert!(!error.is_retryable_without_idempotency());
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_protocol_error() {
    let (listener, address) = listener().await;
    let _peer = spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await.unwrap();
        stream
            .write_all(b"SMTP ready when you are\r\n\r\n")
            .await
            .unwrap();
        let _ = stream.read(&mut head).await;
    });
    let error = client()
        .call(request(Method::GET, address, "/", ""), soon(), 10)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_cut_in_its_body_is_closed_not_complete() {
    let (listener, address) = listener().await;
    let _peer = spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            .await
            .unwrap();
    });
    let error = client()
        .call(request(Method::GET, address, "/", ""), soon(), 64)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Closed { sent: Sent::Maybe }),
        "{error:?}"
    );
}

/// A service that says when it was entered and answers when told to.
struct Gate {
    address: SocketAddr,
    entered: mpsc::UnboundedReceiver<()>,
    open: Arc<Notify>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Drained>,
}

async fn gated(policy: ServerPolicy) -> Gate {
    let (listener, address) = listener().await;
    let (enter, entered) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let open = Arc::new(Notify::new());
    let opened = open.clone();
    let service = service_fn(move |_: Request<Incoming>| {
        let (enter, open) = (enter.clone(), opened.clone());
        async move {
            let _ = enter.send(());
            open.notified().await;
            Ok::<_, Infallible>(Response::new(full("done")))
        }
    });
    let server = Server::new(policy, |_: &ServerEvent<'_>| {}).unwrap();
    let server = spawn(async move {
        server
            .serve(listener, service, async { stopped.await.unwrap_or(()) })
            .await
    });
    Gate {
        address,
        entered,
        open,
        stop,
        server,
    }
}

fn start_call(address: SocketAddr) -> JoinHandle<Result<Response<Bytes>, Error>> {
    spawn(async move {
        client()
            .call(request(Method::GET, address, "/", ""), soon(), 10)
            .await
    })
}

#[tokio::test]
async fn drain_finishes_what_is_in_flight_and_accepts_nothing_new() {
    let mut gate = gated(ServerPolicy::default()).await;
    let call = start_call(gate.address);
    gate.entered.recv().await.unwrap();
    gate.stop.send(()).unwrap();
    // Once the listener is gone a connection is refused; until then it may still be accepted.
    let refused = async {
        while TcpStream::connect(gate.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
    gate.open.notify_one();
    assert_eq!(call.await.unwrap().unwrap().body(), "done");
    assert_eq!(gate.server.await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn what_outlasts_the_grace_period_is_cut_and_counted() {
    let policy = ServerPolicy {
        grace: Duration::from_millis(20),
        ..ServerPolicy::default()
    };
    let mut gate = gated(policy).await;
    let call = start_call(gate.address);
    gate.entered.recv().await.unwrap();
    gate.stop.send(()).unwrap();
    assert_eq!(gate.server.await.unwrap(), Drained { cut: 1 });
    let error = call.await.unwrap().unwrap_err();
    assert!(
        matches!(error, Error::Closed { .. } | Error::Reset { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_lame_duck_still_serves() {
    let policy = ServerPolicy {
        lame_duck: Duration::from_millis(100),
        ..ServerPolicy::default()
    };
    let (address, stop, server) = start(policy).await;
    let asked = Instant::now();
    stop.send(()).unwrap();
    let answer = client()
        .call(request(Method::GET, address, "/", ""), soon(), 10)
        .await;
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(server.await.unwrap(), Drained { cut: 0 });
    assert!(asked.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_full_server_serves_the_next_client_when_a_seat_is_free() {
    let policy = ServerPolicy {
        max_connections: 1,
        ..ServerPolicy::default()
    };
    let (address, _stop, _task) = start(policy).await;
    let first = client();
    first
        .call(request(Method::GET, address, "/", ""), soon(), 10)
        .await
        .unwrap();
    let mut waiting = TcpStream::connect(address).await.unwrap();
    waiting
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut start = [0; 12];
    let early = timeout(Duration::from_millis(50), waiting.read(&mut start)).await;
    assert!(early.is_err(), "served beyond the limit: {early:?}");
    drop(first);
    timeout(PATIENCE, waiting.read_exact(&mut start))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
}

#[tokio::test]
async fn one_client_cannot_take_every_seat() {
    let policy = ServerPolicy {
        max_connections_per_client: 1,
        ..ServerPolicy::default()
    };
    let (address, _stop, _task) = start(policy).await;
    let held = client();
    held.call(request(Method::GET, address, "/", ""), soon(), 10)
        .await
        .unwrap();
    let mut surplus = TcpStream::connect(address).await.unwrap();
    let mut byte = [0; 1];
    let end = timeout(PATIENCE, surplus.read(&mut byte)).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn headers_that_trickle_for_ever_are_cut_off() {
    let policy = ServerPolicy {
        header_timeout: Duration::from_millis(50),
        ..ServerPolicy::default()
    };
    let (address, _stop, _task) = start(policy).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, slow.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(
        end.is_ok() || !rest.starts_with(b"HTTP/1.1 200"),
        "{rest:?}"
    );
}

#[tokio::test]
async fn too_many_headers_are_answered_with_431() {
    let policy = ServerPolicy {
        max_headers: 8,
        ..ServerPolicy::default()
    };
    let (address, _stop, _task) = start(policy).await;
    let mut sent = request(Method::GET, address, "/", "");
    for number in 0..8 {
        let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
        sent.headers_mut()
            .insert(name, http::HeaderValue::from_static("1"));
    }
    assert_eq!(client().call(sent, soon(), 10).await.unwrap().status(), 431);
}

#[tokio::test]
async fn a_panic_in_the_service_ends_one_connection_only() {
    let (listener, address) = listener().await;
    let service = service_fn(|request: Request<Incoming>| async move {
        assert_ne!(request.uri().path(), "/panic", "asked for");
        Ok::<_, Infallible>(Response::new(full("fine")))
    });
    let _server = spawn(serve(listener, service, std::future::pending()));
    let client = client();
    let broken = client
        .call(request(Method::GET, address, "/panic", ""), soon(), 10)
        .await;
    assert!(broken.is_err());
    let fine = client
        .call(request(Method::GET, address, "/", ""), soon(), 10)
        .await;
    assert_eq!(fine.unwrap().body(), "fine");
}

#[tokio::test]
async fn every_request_knows_its_peer() {
    let (listener, address) = listener().await;
    let service = service_fn(|request: Request<Incoming>| async move {
        let Peer(peer) = *request.extensions().get::<Peer>().unwrap();
        Ok::<_, Infallible>(Response::new(full(peer.ip().to_string())))
    });
    let _server = spawn(serve(listener, service, std::future::pending()));
    let answer = client()
        .call(request(Method::GET, address, "/", ""), soon(), 64)
        .await
        .unwrap();
    assert_eq!(answer.body(), "127.0.0.1");
}

#[test]
fn settings_that_cannot_work_are_named() {
    let zero = Duration::ZERO;
    let client = ClientPolicy {
        connect_timeout: zero,
        ..ClientPolicy::default()
    };
    assert_eq!(Client::new(&client).unwrap_err().field, "connect-timeout");
    let server = ServerPolicy {
        max_connections: 0,
        ..ServerPolicy::default()
    };
    let refused = Server::new(server, |_: &ServerEvent<'_>| {}).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "build: `max-connections` must be at least 1"
    );
}
