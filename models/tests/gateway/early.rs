//! Answers before the request is whole: 100-continue, refusals, and endpoints that do not wait.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn;
use tokio::time::timeout;
use windtunnel_models::http::{Client, ClientPolicy, Protocol, boxed, full};

use crate::world::*;

/// Reads until `end` was read, or the connection ends.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let reading = async {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            match stream.read_u8().await {
                Ok(byte) => text.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(text).unwrap()
    };
    timeout(PATIENCE, reading).await.expect("nothing comes")
}

const EXPECTING: &str = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\
                         Expect: 100-continue\r\n\r\n";

#[tokio::test]
async fn a_client_that_waits_to_be_told_is_told_and_the_endpoint_is_asked_without_ado() {
    let endpoint = Endpoint::answering("done").await;
    let stage = Stage::before(&endpoint).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(EXPECTING.as_bytes()).await.unwrap();
    let go_on = read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(endpoint.count(), 0, "there is nothing to send yet");
    stream.write_all(b"hello").await.unwrap();
    let answer = read_until(&mut stream, "done").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.body, "hello");
    // The body is here: whoever comes next has nothing to wait for.
    assert!(!asked.headers.contains_key("expect"), "{:?}", asked.headers);
}

#[tokio::test]
async fn a_request_that_is_refused_is_never_told_to_go_on() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["max-body"] = json!(4);
    config["keys"] = json!({"staff": {"root": "sesame"}});
    config["routes"] = json!([
        {"name": "secret", "upstream": "main", "keys": "staff",
         "matches": [{"path": {"prefix": "/secret"}}]},
        {"name": "all", "upstream": "main"},
    ]);
    let stage = Stage::new(config).await;
    for (target, status) in [("/a", "413"), ("/secret", "401")] {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        let request = EXPECTING.replace("/a", target);
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert_eq!(endpoint.count(), 0);
}

/// A body that begins and never ends.
fn endless() -> windtunnel_models::http::Body {
    let part = |_| async {
        Some((
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b'x'; 1024]))),
            (),
        ))
    };
    boxed(StreamBody::new(Box::pin(futures_util::stream::unfold(
        (),
        part,
    ))))
}

#[tokio::test]
async fn an_endpoint_that_answers_before_the_upload_ends_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(spawn(async move {
                read_until(&mut stream, "\r\n\r\n").await;
                let answer =
                    b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
                stream.write_all(answer).await.unwrap();
                // It does not read on, and waits for the other side to stop.
                let mut rest = [0; 64 << 10];
                while let Ok(1..) = stream.read(&mut rest).await {}
            }));
        }
    }));
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let stage = Stage::new(config(&[address])).await;
        let policy = ClientPolicy {
            protocol,
            ..ClientPolicy::default()
        };
        let client = Client::new(&policy).unwrap();
        let upload = Request::post(stage.url("/")).body(endless()).unwrap();
        let answer = timeout(PATIENCE, client.call(upload, soon(), 100)).await;
        let answer = answer.expect("it uploads for ever").unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (413, &b"big"[..])
        );
        let seen = stage.witness.request(1).await;
        assert_eq!((seen.status, seen.attempts), (Some(413), 1), "{protocol:?}");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_the_clients_mistake_and_not_the_endpoints() {
    let endpoint = Endpoint::start(|_, _| async { Response::new(full("")) }).await;
    let stage = Stage::before(&endpoint).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let head = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let outcome = stage.witness.outcomes(1).await;
    assert_eq!(outcome, [windtunnel_models::gateway::Outcome::Cancelled]);
}

#[tokio::test]
async fn a_client_that_reads_slowly_holds_no_endpoint_for_an_answer_of_moderate_size() {
    static ANSWER: [u8; 60 << 10] = [b'x'; 60 << 10];
    let endpoint = Endpoint::answering(std::str::from_utf8(&ANSWER).unwrap()).await;
    let stage = Stage::before(&endpoint).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        .await
        .unwrap();
    // Nothing is read, and the endpoint is free again.
    let outcome = stage.witness.outcomes(1).await;
    let succeeded = windtunnel_models::gateway::Outcome::Succeeded(http::StatusCode::OK);
    assert_eq!(outcome, [succeeded]);
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut body = vec![0; ANSWER.len()];
    timeout(PATIENCE, stream.read_exact(&mut body))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(body, ANSWER);
}
