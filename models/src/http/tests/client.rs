//! What a caller sees of peers that answer, stay silent, break off or talk nonsense.

use super::*;

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

#[tokio::test]
async fn an_upload_that_fails_is_the_callers_error_and_not_a_reset() {
    let (address, _stop, _task) = start(ServerPolicy::default()).await;
    let frames = [
        Ok(http_body::Frame::data(Bytes::from_static(b"half"))),
        Err(std::io::Error::new(
            std::io::ErrorKind::ConnectionReset,
            "the source, not the connection",
        )),
    ];
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    let upload = Request::post(format!("http://{address}/"))
        .body(body)
        .unwrap();
    let error = client().call(upload, soon(), 10).await.unwrap_err();
    assert!(matches!(error, Error::RequestBody(_)), "{error:?}");
}
