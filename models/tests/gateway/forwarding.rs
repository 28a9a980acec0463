//! What reaches an endpoint, and what comes back.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use windtunnel_models::gateway::End;
use windtunnel_models::http::{Body, boxed, full};

use crate::world::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_request_and_its_answer_pass_through() {
    let endpoint = Endpoint::answering("hello").await;
    let stage = Stage::before(&endpoint).await;
    let answer = stage.post("/a/b?c=d%20e", "body").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"hello"[..])
    );
    assert_eq!(answer.headers()["via"], "1.1 edge");
    let asked = &endpoint.asked()[0];
    assert_eq!((&*asked.method, &*asked.target), ("POST", "/a/b?c=d%20e"));
    assert_eq!(asked.body, "body");
    let seen = stage.witness.request(1).await;
    assert_eq!(seen.route.as_deref(), Some("all"));
    assert_eq!(seen.client.as_deref(), Some("127.0.0.1"));
    assert_eq!(
        (seen.status, seen.attempts, seen.end),
        (Some(200), 1, End::Complete)
    );
}

#[tokio::test]
async fn the_trail_of_hops_grows_and_hop_by_hop_headers_end() {
    let endpoint = Endpoint::answering("").await;
    let stage = Stage::before(&endpoint).await;
    let request = Request::get(stage.url("/"))
        .header("via", "1.0 first")
        .header("x-forwarded-for", "198.51.100.1")
        .header("connection", "x-private, x-forwarded-for")
        .header("x-private", "1")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers, deflate")
        .header("traceparent", PARENT)
        .header("tracestate", "vendor=1");
    stage.send(request.body(full("")).unwrap()).await;
    let asked = &endpoint.asked()[0];
    let all = |name: &str| -> Vec<_> {
        asked
            .headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    };
    assert_eq!(all("via"), ["1.0 first", "1.1 edge"]);
    assert_eq!(all("x-forwarded-for"), ["198.51.100.1", "127.0.0.1"]);
    assert_eq!(all("te"), ["trailers"]);
    for gone in ["connection", "x-private", "keep-alive"] {
        assert!(!asked.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(asked.header("host"), stage.address.to_string());
    let parent = asked.header("traceparent");
    assert_eq!(&parent[..36], &PARENT[..36]);
    assert_ne!(&parent[36..52], &PARENT[36..52]);
    assert_eq!(asked.header("tracestate"), "vendor=1");
}

#[tokio::test]
async fn a_service_that_calls_others_passes_on_the_trace_that_it_serves() {
    let endpoint = Endpoint::answering("").await;
    let stage = Stage::before(&endpoint).await;
    for trace in [Some(7), None] {
        let request = Request::get("/").header("host", "main").body(full(""));
        let answer = stage.gateway.handle(request.unwrap());
        windtunnel_models::trace::within(trace, answer).await;
    }
    let asked = endpoint.asked();
    let trace = |number: usize| asked[number].header("traceparent")[3..35].to_owned();
    assert_eq!(trace(0), format!("{:032x}", 7));
    assert_ne!(
        trace(1),
        trace(0),
        "a request of nobody's has a trace of its own"
    );
}

#[tokio::test]
async fn the_path_is_normalised_once_for_routing_and_forwarding() {
    let open = Endpoint::answering("open").await;
    let admin = Endpoint::answering("admin").await;
    let mut config = config(&[open.address]);
    config["upstreams"]["admin"] = json!({"endpoints": [admin.address.to_string()]});
    config["keys"] = json!({"staff": {"root": "sesame"}});
    config["routes"] = json!([
        {"name": "open", "upstream": "main"},
        {"name": "admin", "upstream": "admin", "keys": "staff",
         "matches": [{"path": {"prefix": "/admin"}}]},
    ]);
    let stage = Stage::new(config).await;
    for sneaky in ["/public/%2e%2e/admin", "//admin", "/./admin/x", "/%61dmin"] {
        assert_eq!(stage.get(sneaky).await.status(), 401, "{sneaky}");
    }
    assert_eq!(stage.get("/public/..%2fadmin").await.status(), 400);
    assert_eq!(stage.get("/administration//x/%7Euser").await.status(), 200);
    assert_eq!(open.asked()[0].target, "/administration/x/~user");
    assert_eq!(admin.count(), 0);
}

#[tokio::test]
async fn what_only_this_side_may_set_is_removed_on_arrival() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["internal-headers"] = json!(["X-User-Id"]);
    let stage = Stage::new(config).await;
    let request = Request::get(stage.url("/")).header("x-user-id", "admin");
    stage.send(request.body(full("")).unwrap()).await;
    assert!(!endpoint.asked()[0].headers.contains_key("x-user-id"));
}

#[tokio::test]
async fn a_deadline_is_passed_on_as_what_is_left_of_the_earlier_one() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["deadline"] = json!("5s");
    let stage = Stage::new(config).await;
    for (said, least, most) in [
        (None, 1_000, 5_000),
        (Some("900"), 1, 900),
        (Some("60000"), 1_000, 5_000),
    ] {
        let mut request = Request::get(stage.url("/")).body(full("")).unwrap();
        if let Some(said) = said {
            request
                .headers_mut()
                .insert("x-deadline-ms", HeaderValue::from_static(said));
        }
        stage.send(request).await;
        let asked = endpoint.asked().pop().unwrap();
        let left: u64 = asked.header("x-deadline-ms").parse().unwrap();
        assert!((least..=most).contains(&left), "{said:?}: {left}");
    }
}

#[tokio::test]
async fn large_bodies_stream_in_both_directions_unchanged() {
    let endpoint = Endpoint::start(|_, asked| async move { Response::new(full(asked.body)) }).await;
    let mut config = config(&[endpoint.address]);
    config["routes"][0]["retry"] = json!({});
    let stage = Stage::new(config).await;
    let large: Vec<u8> = (0..1_000_000_u32)
        .map(|byte| byte.to_le_bytes()[0])
        .collect();
    let request = Request::put(stage.url("/"))
        .body(full(large.clone()))
        .unwrap();
    let answer = stage.send(request).await;
    assert_eq!(answer.body(), &large);
    assert_eq!(endpoint.asked()[0].header("content-length"), "1000000");
}

fn chunks(chunks: &[&'static str], trailers: Option<HeaderMap>) -> Body {
    let data = chunks
        .iter()
        .map(|chunk| Frame::data(Bytes::from_static(chunk.as_bytes())));
    let frames: Vec<_> = data
        .chain(trailers.map(Frame::trailers))
        .map(Ok::<_, std::io::Error>)
        .collect();
    boxed(StreamBody::new(futures_util::stream::iter(frames)))
}

#[tokio::test]
async fn chunked_bodies_and_their_trailers_survive_with_and_without_buffering() {
    let endpoint = Endpoint::start(|_, asked| async move { Response::new(full(asked.body)) }).await;
    for retry in [json!(null), json!({})] {
        let mut config = config(&[endpoint.address]);
        config["routes"][0]["retry"] = retry;
        let stage = Stage::new(config).await;
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-sum"),
            HeaderValue::from_static("7"),
        )]);
        let mut request = Request::new(chunks(&["ab", "cd"], Some(trailers)));
        *request.method_mut() = http::Method::PUT;
        *request.uri_mut() = stage.url("/").parse().unwrap();
        request
            .headers_mut()
            .insert("trailer", HeaderValue::from_static("x-sum"));
        assert_eq!(stage.send(request).await.body(), "abcd");
        let asked = endpoint.asked().pop().unwrap();
        assert_eq!(asked.trailers.expect("trailers arrive")["x-sum"], "7");
        assert!(!asked.headers.contains_key("content-length"));
    }
}

#[tokio::test]
async fn a_get_with_a_body_keeps_body_and_framing() {
    let endpoint = Endpoint::answering("").await;
    let stage = Stage::before(&endpoint).await;
    let raw = format!(
        "GET / HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
         GET /second HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        stage.address
    );
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(raw.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answers))
        .await
        .unwrap()
        .unwrap();
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!((&*asked[0].target, &asked[0].body[..]), ("/", &b"abc"[..]));
    assert_eq!(
        (&*asked[1].target, &asked[1].body[..]),
        ("/second", &b""[..])
    );
}

#[tokio::test]
async fn ambiguous_framing_never_reaches_an_endpoint() {
    let endpoint = Endpoint::answering("").await;
    let stage = Stage::before(&endpoint).await;
    for framing in [
        "transfer-encoding: ,chunked\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "content-length: 3\r\ncontent-length: 4\r\n",
    ] {
        let raw = format!("POST / HTTP/1.1\r\nhost: a\r\n{framing}\r\n0\r\n\r\n");
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut start))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&start, b"HTTP/1.1 400", "{framing}");
    }
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn the_first_bytes_of_an_answer_arrive_before_its_last() {
    let (finish, finished) = tokio::sync::watch::channel(false);
    let endpoint = Endpoint::start(move |_, _| {
        let finished = finished.clone();
        async move {
            let stream = futures_util::stream::unfold(0, move |step| {
                let mut finished = finished.clone();
                async move {
                    let frame =
                        |text| Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(text)));
                    match step {
                        0 => Some((frame(b"first"), 1)),
                        1 => {
                            let _ = finished.wait_for(|finished| *finished).await;
                            Some((frame(b"last"), 2))
                        }
                        _ => None,
                    }
                }
            });
            Response::new(boxed(StreamBody::new(stream)))
        }
    })
    .await;
    let stage = Stage::before(&endpoint).await;
    let request = Request::get(stage.url("/")).body(full("")).unwrap();
    let answer = stage.client.send(request, soon()).await.unwrap();
    let mut body = answer.into_body();
    let first = timeout(PATIENCE, body.frame())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
    finish.send(true).unwrap();
    let rest = timeout(PATIENCE, body.collect()).await.unwrap().unwrap();
    assert_eq!(rest.to_bytes(), "last");
    assert_eq!(stage.witness.request(1).await.end, End::Complete);
}

#[tokio::test]
async fn an_answer_that_outlives_its_deadline_is_cut_off() {
    let endpoint = Endpoint::start(|_, _| async {
        let frame = Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"first")));
        let stream = futures_util::stream::once(std::future::ready(frame));
        let stream = futures_util::StreamExt::chain(stream, futures_util::stream::pending());
        Response::new(boxed(StreamBody::new(stream)))
    })
    .await;
    let mut config = config(&[endpoint.address]);
    config["deadline"] = json!("100ms");
    let stage = Stage::new(config).await;
    let request = Request::get(stage.url("/")).body(full("")).unwrap();
    assert!(stage.client.call(request, soon(), 1024).await.is_err());
    let seen = stage.witness.request(1).await;
    assert_eq!((seen.status, seen.end), (Some(200), End::BrokenOff));
}

#[tokio::test]
async fn an_endpoint_that_speaks_http_1_0_is_answered_for_in_1_1() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 1024];
        assert!(stream.read(&mut asked).await.unwrap() > 0);
        let answer = b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold";
        stream.write_all(answer).await.unwrap();
    });
    let stage = Stage::new(config(&[address])).await;
    let answer = stage.get("/").await;
    assert_eq!(answer.version(), Version::HTTP_11);
    assert_eq!(answer.headers()["via"], "1.0 edge");
    assert_eq!(&answer.body()[..], b"old");
}
