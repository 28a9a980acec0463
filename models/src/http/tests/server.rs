//! Drain, limits and the robustness of the accept loop.

use super::*;

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
