//! HTTP/2: one connection for all, drains by GOAWAY, and peers that misbehave.

use super::frames::*;
use super::*;

fn multiplexing() -> Client {
    let policy = ClientPolicy {
        protocol: Protocol::Http2,
        ..ClientPolicy::default()
    };
    Client::new(&policy).unwrap()
}

/// Answers with the client's address.
async fn whoami() -> SocketAddr {
    let (listener, address) = listener().await;
    let service = service_fn(|request: Request<Incoming>| async move {
        let peer = request.extensions().get::<Peer>().unwrap().0;
        let version = request.version();
        Ok::<_, Infallible>(Response::new(full(format!("{peer} {version:?}"))))
    });
    drop(spawn(serve(listener, service, std::future::pending())));
    address
}

#[tokio::test]
async fn one_listener_speaks_both_and_requests_of_http2_share_a_connection() {
    let address = whoami().await;
    let old = client();
    let get = || request(Method::GET, address, "/", "");
    let answer = old.call(get(), soon(), 100).await.unwrap();
    assert!(answer.body().ends_with(b"HTTP/1.1"), "{answer:?}");
    let new = multiplexing();
    // All at once: who finds no connection waits for the one that is being opened.
    let calls = (0..20).map(|_| new.call(get(), soon(), 100));
    let answers = futures_util::future::join_all(calls).await;
    let first = answers[0].as_ref().unwrap().body().clone();
    assert!(first.ends_with(b"HTTP/2.0"), "{first:?}");
    for answer in answers {
        assert_eq!(answer.unwrap().body(), &first);
    }
}

#[tokio::test]
async fn a_server_speaks_only_what_it_is_told_to() {
    for (protocols, client_speaks, is_served) in [
        (Protocols::Http1, Protocol::Http1, true),
        (Protocols::Http1, Protocol::Http2, false),
        (Protocols::Http2, Protocol::Http1, false),
        (Protocols::Http2, Protocol::Http2, true),
    ] {
        let policy = ServerPolicy {
            protocols,
            ..ServerPolicy::default()
        };
        let (address, _stop, _server) = start(policy).await;
        let policy = ClientPolicy {
            protocol: client_speaks,
            ..ClientPolicy::default()
        };
        let client = Client::new(&policy).unwrap();
        let call = client.call(request(Method::GET, address, "/", ""), soon(), 100);
        assert_eq!(
            call.await.is_ok(),
            is_served,
            "{protocols:?} {client_speaks:?}"
        );
    }
}

#[tokio::test]
async fn a_client_that_never_finishes_its_preface_is_cut_off() {
    let policy = ServerPolicy {
        header_timeout: Duration::from_millis(200),
        ..ServerPolicy::default()
    };
    for begins in [b"".as_slice(), b"PRI * HTTP/2.0\r\n", b"P"] {
        let (address, _stop, _server) = start(policy.clone()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begins).await.unwrap();
        let began = Instant::now();
        let mut end = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut end)).await;
        ended.expect("the server waits for ever").unwrap_or(0);
        assert!(began.elapsed() < Duration::from_secs(2), "{begins:?}");
    }
}

#[tokio::test]
async fn a_drain_lets_streams_finish_and_refuses_no_request_it_let_in() {
    let (listener, address) = listener().await;
    let (entered, mut enters) = mpsc::unbounded_channel();
    let open = Arc::new(Notify::new());
    let opened = open.clone();
    let service = service_fn(move |_: Request<Incoming>| {
        let (entered, open) = (entered.clone(), opened.clone());
        async move {
            let _ = entered.send(());
            open.notified().await;
            Ok::<_, Infallible>(Response::new(full("done")))
        }
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let server = spawn(serve(listener, service, async {
        stopped.await.unwrap_or(());
    }));
    let client = multiplexing();
    let calling = client.clone();
    let call = spawn(async move {
        let call = calling.call(request(Method::GET, address, "/", ""), soon(), 100);
        call.await
    });
    enters.recv().await.unwrap();
    stop.send(()).unwrap();
    // The server told the client to go away; the stream it let in is answered all the same.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    open.notify_one();
    assert_eq!(call.await.unwrap().unwrap().body(), "done");
    let drained = timeout(PATIENCE, server).await.expect("it drains");
    assert_eq!(drained.unwrap(), Drained { cut: 0 });
    drop(client);
}

#[tokio::test]
async fn a_drain_says_goodbye_in_two_steps_so_that_no_request_is_lost_on_the_way() {
    let (address, stop, _server) = start(ServerPolicy::default()).await;
    let mut stream = by_hand(address).await;
    let (kind, _) = next(&mut stream).await.expect("settings");
    assert_eq!(kind, SETTINGS);
    stop.send(()).unwrap();
    let (mut goodbyes, mut answers) = (Vec::new(), 0);
    while let Some((kind, payload)) = next(&mut stream).await {
        answers += usize::from(kind == HEADERS);
        if kind == GOAWAY {
            goodbyes.push(u32::from_be_bytes(payload[..4].try_into().unwrap()));
        }
        if kind == GOAWAY && goodbyes.len() == 1 {
            // This request crossed the first goodbye.
            let block = get_or_post(b"GET");
            let headers = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block);
            stream.write_all(&headers).await.unwrap();
        }
    }
    // First everything that may be under way is promised, then, once the client has answered a PING, it is
    // said what was taken (RFC 9113, section 6.8).
    assert_eq!(goodbyes, [u32::MAX >> 1, 1]);
    assert_eq!(answers, 1);
}

/// The next frame: its type and payload. Settings and pings are acknowledged; none if the server closed.
async fn next(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let reading = async {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.ok()?;
        if [SETTINGS, PING].contains(&head[3]) && head[4] & ACK == 0 {
            let echo = if head[3] == PING { &payload[..] } else { &[] };
            let acknowledges = frame(head[3], ACK, 0, echo);
            stream.write_all(&acknowledges).await.ok()?;
        }
        Some((head[3], payload))
    };
    timeout(PATIENCE, reading)
        .await
        .expect("the frame never came")
}

#[tokio::test]
async fn a_client_goes_on_with_another_connection_when_the_server_went_away() {
    let (listener, address) = listener().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let first = spawn(serve(listener, Echo, async {
        stopped.await.unwrap_or(());
    }));
    let client = multiplexing();
    let get = || request(Method::POST, address, "/", "x");
    assert_eq!(client.call(get(), soon(), 100).await.unwrap().body(), "x");
    stop.send(()).unwrap();
    first.await.unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    drop(spawn(serve(listener, Echo, std::future::pending())));
    assert_eq!(client.call(get(), soon(), 100).await.unwrap().body(), "x");
}

#[tokio::test]
async fn a_stream_that_the_server_refused_was_certainly_not_served() {
    let (listener, address) = listener().await;
    drop(spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut begun = vec![0; PREFACE.len()];
        stream.read_exact(&mut begun).await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        const REFUSED_STREAM: u32 = 7;
        let refuse = frame(RST_STREAM, 0, 1, &REFUSED_STREAM.to_be_bytes());
        // Not before the stream is there.
        let mut seen: Vec<u8> = Vec::new();
        while !seen
            .windows(5)
            .any(|part| part == [HEADERS, END_STREAM | END_HEADERS, 0, 0, 0])
        {
            let mut part = [0; 1024];
            let read = stream.read(&mut part).await.unwrap();
            seen.extend(&part[..read]);
        }
        stream.write_all(&refuse).await.unwrap();
        std::future::pending::<()>().await;
    }));
    let get = Request::get(format!("http://{address}/"))
        .body(empty())
        .unwrap();
    let error = multiplexing().call(get, soon(), 100).await.unwrap_err();
    assert_eq!(error.sent(), Sent::No, "{error:?}");
}

/// A connection on which frames are written by hand, after the preface and the settings.
pub(super) async fn by_hand(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    stream
}

/// Reads until the server says GOAWAY or RST_STREAM, or closes, which is as good as GOAWAY.
pub(super) async fn until_refused(stream: &mut TcpStream) -> u8 {
    loop {
        match next(stream).await {
            None => return GOAWAY,
            Some((kind @ (RST_STREAM | GOAWAY), _)) => return kind,
            Some(_) => {}
        }
    }
}

/// A server that counts the requests it let in.
pub(super) async fn counting() -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, address) = listener().await;
    let served = Arc::new(AtomicUsize::new(0));
    let counter = served.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let counter = counter.clone();
        async move {
            // The body counts as well: a request is let in when it is whole.
            if collect(request.into_body(), 100, None).await.is_ok() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Infallible>(Response::new(full("")))
        }
    });
    drop(spawn(serve(listener, service, std::future::pending())));
    (address, served)
}

/// Waits until so many requests were let in.
pub(super) async fn is_served(served: &AtomicUsize, count: usize) {
    let waiting = async {
        while served.load(Ordering::Relaxed) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("nobody was let in");
}

#[tokio::test]
async fn frames_written_by_hand_are_understood() {
    let (address, served) = counting().await;
    let mut stream = by_hand(address).await;
    let mut block = get_or_post(b"POST");
    block.extend(field(b"content-length", b"5"));
    block.extend(field(b"x", b"a b"));
    let (first, rest) = block.split_at(20);
    // In two parts, with a few resets before: what is refused below is refused for its excess.
    for id in [1, 3, 5] {
        let open = frame(HEADERS, END_HEADERS, id, &get_or_post(b"GET"));
        stream.write_all(&open).await.unwrap();
        let reset = frame(RST_STREAM, 0, id, &8u32.to_be_bytes());
        stream.write_all(&reset).await.unwrap();
    }
    stream
        .write_all(&frame(HEADERS, 0, 7, first))
        .await
        .unwrap();
    let more = frame(CONTINUATION, END_HEADERS, 7, rest);
    stream.write_all(&more).await.unwrap();
    let data = frame(DATA, END_STREAM, 7, b"hello");
    stream.write_all(&data).await.unwrap();
    is_served(&served, 1).await;
}

#[tokio::test]
async fn no_forbidden_byte_and_no_header_of_a_connection_gets_in() {
    for (name, value) in [
        (&b"x"[..], &b"a\0b"[..]),
        (b"x", b"a\rb"),
        (b"x", b"a\nb"),
        (b"x\r\ny", b"a"),
        (b"X", b"upper case"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
    ] {
        let (address, served) = counting().await;
        let mut stream = by_hand(address).await;
        let mut block = get_or_post(b"GET");
        block.extend(field(name, value));
        let headers = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block);
        stream.write_all(&headers).await.unwrap();
        until_refused(&mut stream).await;
        assert_eq!(served.load(Ordering::Relaxed), 0, "{name:?} {value:?}");
    }
}

#[tokio::test]
async fn a_length_that_differs_from_the_data_is_refused() {
    for announced in [&b"4"[..], b"6", b"5, 5", b"+5", b"0"] {
        let (address, served) = counting().await;
        let mut stream = by_hand(address).await;
        let mut block = get_or_post(b"POST");
        block.extend(field(b"content-length", announced));
        stream
            .write_all(&frame(HEADERS, END_HEADERS, 1, &block))
            .await
            .unwrap();
        stream
            .write_all(&frame(DATA, END_STREAM, 1, b"hello"))
            .await
            .unwrap();
        until_refused(&mut stream).await;
        assert_eq!(served.load(Ordering::Relaxed), 0, "{announced:?}");
    }
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let (address, _served) = counting().await;
    let mut stream = by_hand(address).await;
    let block = get_or_post(b"GET");
    let flood = (0..2000).flat_map(|number: u32| {
        let id = 2 * number + 1;
        let mut both = frame(HEADERS, END_HEADERS, id, &block);
        both.extend(frame(RST_STREAM, 0, id, &8u32.to_be_bytes()));
        both
    });
    let flood: Vec<u8> = flood.collect();
    // The server may close in the middle of it.
    let _ = stream.write_all(&flood).await;
    assert_eq!(until_refused(&mut stream).await, GOAWAY);
}

#[tokio::test]
async fn a_flood_of_continuations_ends_the_connection() {
    let (address, served) = counting().await;
    let mut stream = by_hand(address).await;
    let open = frame(HEADERS, END_STREAM, 1, &get_or_post(b"GET"));
    stream.write_all(&open).await.unwrap();
    let part = frame(CONTINUATION, 0, 1, &field(b"x-part", &[b'a'; 100]));
    for _ in 0..10_000 {
        if stream.write_all(&part).await.is_err() {
            break;
        }
    }
    until_refused(&mut stream).await;
    assert_eq!(served.load(Ordering::Relaxed), 0);
}
