//! HTTP/1.1 and HTTP/2 on either side: what is the same, and what each says in its own way.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use windtunnel_models::http::{Body, Client, ClientPolicy, Protocol, boxed, full};

use crate::world::*;

/// A client that speaks one protocol.
fn speaking(protocol: Protocol) -> Client {
    let policy = ClientPolicy {
        protocol,
        ..ClientPolicy::default()
    };
    Client::new(&policy).unwrap()
}

/// A gateway that speaks `upstream` with its endpoint.
async fn stage(endpoint: &Endpoint, upstream: &str) -> Stage {
    let mut config = config(&[endpoint.address]);
    config["upstreams"]["main"]["protocol"] = json!(upstream);
    Stage::new(config).await
}

/// Each side speaks each protocol.
const SIDES: [(Protocol, &str); 4] = [
    (Protocol::Http1, "http1"),
    (Protocol::Http1, "http2"),
    (Protocol::Http2, "http1"),
    (Protocol::Http2, "http2"),
];

/// A body in two parts with trailers.
fn with_trailers(trailer: &'static str) -> Body {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static(trailer));
    let data = |text: &'static str| {
        Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(text.as_bytes())))
    };
    let frames = [data("par"), data("ts"), Ok(Frame::trailers(trailers))];
    boxed(StreamBody::new(futures_util::stream::iter(frames)))
}

#[tokio::test]
async fn a_request_means_the_same_whatever_is_spoken_on_either_side() {
    for (downstream, upstream) in SIDES {
        let endpoint = Endpoint::start(|_, _| async {
            let answer = Response::builder()
                .header("trailer", "x-sum")
                .header("x-answer", "1")
                .header("connection", "x-private")
                .header("x-private", "1");
            answer.body(with_trailers("answer")).unwrap()
        })
        .await;
        let stage = stage(&endpoint, upstream).await;
        let request = Request::post(stage.url("/a%7e/b?c=d"))
            .header("host", "Shop.Example:8080")
            .header("te", "trailers")
            .header("trailer", "x-sum")
            .header("x-twice", "1")
            .header("x-twice", "2");
        let request = request.body(with_trailers("request")).unwrap();
        let answer = speaking(downstream).send(request, soon()).await.unwrap();
        let note = format!("{downstream:?} {upstream}");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["x-sum"], "answer", "{note}");
        assert_eq!(body.to_bytes(), "parts", "{note}");
        assert_eq!(head.headers["x-answer"], "1", "{note}");
        for gone in ["connection", "x-private"] {
            assert!(!head.headers.contains_key(gone), "{note}: {gone}");
        }
        let asked = &endpoint.asked()[0];
        assert_eq!(asked.method, "POST", "{note}");
        assert!(
            asked.target.ends_with("/a~/b?c=d"),
            "{note}: {}",
            asked.target
        );
        assert_eq!(asked.body, "parts", "{note}");
        assert_eq!(
            asked.trailers.as_ref().unwrap()["x-sum"],
            "request",
            "{note}"
        );
        assert_eq!(asked.host(), "Shop.Example:8080", "{note}");
        assert_eq!(asked.header("x-forwarded-host"), "shop.example", "{note}");
        assert_eq!(asked.header("te"), "trailers", "{note}");
        let received = if downstream == Protocol::Http2 {
            "2.0 edge"
        } else {
            "1.1 edge"
        };
        assert_eq!(asked.header("via"), received, "{note}");
        let twice: Vec<_> = asked.headers.get_all("x-twice").iter().collect();
        assert_eq!(twice, ["1", "2"], "{note}");
    }
}

#[tokio::test]
async fn a_request_without_body_has_none_and_no_length_whatever_is_spoken() {
    for (downstream, upstream) in SIDES {
        let endpoint = Endpoint::answering("").await;
        let stage = stage(&endpoint, upstream).await;
        let client = speaking(downstream);
        let get = Request::get(stage.url("/")).body(windtunnel_models::http::empty());
        let answer = client.call(get.unwrap(), soon(), 100).await.unwrap();
        assert_eq!(answer.status(), 200);
        let asked = &endpoint.asked()[0];
        let note = format!("{downstream:?} {upstream}: {:?}", asked.headers);
        assert!(!asked.headers.contains_key("transfer-encoding"), "{note}");
        assert!(!asked.headers.contains_key("content-length"), "{note}");
        // And one that says its length is sent with it, and nothing else.
        let post = Request::post(stage.url("/")).header("content-length", "5");
        client
            .call(post.body(full("hello")).unwrap(), soon(), 100)
            .await
            .unwrap();
        let asked = &endpoint.asked()[1];
        assert_eq!(
            (asked.header("content-length"), &*asked.body),
            ("5", &b"hello"[..])
        );
        assert!(!asked.headers.contains_key("transfer-encoding"), "{note}");
    }
}

#[tokio::test]
async fn many_requests_to_one_endpoint_share_a_connection_of_http2() {
    let endpoint =
        Endpoint::start(
            |_, asked: Asked| async move { Response::new(full(asked.peer.to_string())) },
        )
        .await;
    let stage = stage(&endpoint, "http2").await;
    let client = speaking(Protocol::Http2);
    let calls = (0..50).map(|_| {
        let get = Request::get(stage.url("/")).body(full("")).unwrap();
        client.call(get, soon(), 100)
    });
    let answers = futures_util::future::join_all(calls).await;
    let peers: std::collections::BTreeSet<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().into_body())
        .collect();
    assert_eq!(peers.len(), 1, "{peers:?}");
    assert_eq!(endpoint.asked()[0].version, Version::HTTP_2);
}

#[tokio::test]
async fn a_target_with_a_host_of_its_own_outranks_the_header_and_reaches_the_endpoint() {
    let endpoint = Endpoint::answering("").await;
    let stage = stage(&endpoint, "http1").await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let request = "GET http://real.example/a HTTP/1.1\r\nHost: other.example\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.header("host"), "real.example");
    assert_eq!(asked.header("x-forwarded-host"), "real.example");
    assert_eq!(asked.headers.get_all("host").iter().count(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_an_http2_exchange_gives_everything_back() {
    let endpoint = Endpoint::start(|_, _| std::future::pending()).await;
    let stage = stage(&endpoint, "http2").await;
    let client = speaking(Protocol::Http2);
    let get = Request::get(stage.url("/")).body(full("")).unwrap();
    {
        let call = client.call(get, soon(), 100);
        tokio::pin!(call);
        tokio::select! {
            biased;
            answer = &mut call => panic!("{answer:?}"),
            () = endpoint.asked_times(1) => {}
        }
    }
    // The stream was reset, not the connection: the gateway learns of it and stops waiting.
    let seen = stage.witness.request(1).await;
    assert_eq!(seen.end, windtunnel_models::gateway::End::CallerLeft);
}
