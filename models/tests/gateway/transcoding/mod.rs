//! REST in front, gRPC behind: what the service is asked, and what the client is told.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value as Field};
use serde_json::{Value, json};
use windtunnel_models::gateway::filter::Registry;
use windtunnel_models::gateway::{Config, Gateway, Vault};
use windtunnel_models::http::{self as wire, Body, boxed, full};
use windtunnel_models::tls::Dialer;

use crate::world::*;

const DESCRIPTORS: &[u8] = include_bytes!("library.binpb");

/// Has the library's descriptors.
struct Files;

impl Vault for Files {
    fn dialer(
        &self,
        _: &windtunnel_models::gateway::config::UpstreamTls,
        _: wire::Protocol,
    ) -> Result<Dialer, String> {
        Err("not here".to_owned())
    }

    fn descriptors(&self, file: &str) -> Result<Vec<u8>, String> {
        match file {
            "library.binpb" => Ok(DESCRIPTORS.to_vec()),
            _ => Err("is not there".to_owned()),
        }
    }
}

fn pool() -> DescriptorPool {
    DescriptorPool::decode(DESCRIPTORS).unwrap()
}

fn message(name: &str, json: Value) -> DynamicMessage {
    let kind = pool()
        .get_message_by_name(&format!("library.v1.{name}"))
        .unwrap();
    DynamicMessage::deserialize(kind, json).unwrap()
}

fn framed(message: &DynamicMessage) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(0);
    out.put_u32(message.encoded_len() as u32);
    message.encode(&mut out).unwrap();
    out.freeze()
}

/// The messages that an endpoint was sent.
fn received(name: &str, mut body: &[u8]) -> Vec<Value> {
    let mut all = Vec::new();
    while !body.is_empty() {
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        let kind = pool()
            .get_message_by_name(&format!("library.v1.{name}"))
            .unwrap();
        let message = DynamicMessage::decode(kind, &body[5..5 + length]).unwrap();
        all.push(serde_json::to_value(&message).unwrap());
        body = &body[5 + length..];
    }
    all
}

/// Messages and then trailers.
fn reply(messages: Vec<Bytes>, trailers: &[(&'static str, &str)]) -> Response<Body> {
    let mut map = HeaderMap::new();
    for (name, value) in trailers {
        map.insert(*name, value.parse().unwrap());
    }
    let frames = messages.into_iter().map(Frame::data);
    let frames = frames.chain([Frame::trailers(map)]);
    let frames = frames.map(Ok::<_, std::io::Error>);
    let body = boxed(StreamBody::new(futures_util::stream::iter(frames)));
    let answer = Response::builder().header("content-type", "application/grpc");
    answer.header("x-shelf", "7").body(body).unwrap()
}

fn ok(messages: Vec<Bytes>) -> Response<Body> {
    reply(messages, &[("grpc-status", "0")])
}

fn settings() -> Value {
    json!({"descriptors": "library.binpb", "services": ["library.v1.Library"]})
}

async fn stage(endpoint: &Endpoint, more: Value) -> Stage {
    let mut config = config(&[endpoint.address]);
    config["encoded-slashes"] = json!("keep");
    config["upstreams"]["main"]["protocol"] = json!("http2");
    let mut settings = settings();
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    config["routes"][0]["transcode"] = settings;
    Stage::with(config, Files, Registry::default()).await
}

async fn ask(stage: &Stage, method: &str, target: &str, body: &str) -> Response<Bytes> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Request::builder().method(method).uri(stage.url(target));
    let request = request.header("content-type", "application/json");
    stage
        .send(request.body(full(body.to_owned())).unwrap())
        .await
}

fn parsed(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_else(|_| panic!("{:?}", answer.body()))
}

/// A library that answers every call with one book.
async fn library(book: Value) -> Endpoint {
    let book = framed(&message("Book", book));
    Endpoint::start(move |_, _| {
        let book = book.clone();
        async move { ok(vec![book]) }
    })
    .await
}

#[tokio::test]
async fn each_shape_of_a_rule_becomes_its_call() {
    let endpoint = library(json!({"name": "found"})).await;
    let stage = stage(&endpoint, json!({})).await;
    for (method, target, body, call, input, expected) in [
        (
            "GET",
            "/v1/shelves/1/books/a%20b",
            "",
            "GetBook",
            "GetBookRequest",
            json!({"name": "shelves/1/books/a b"}),
        ),
        (
            "GET",
            "/v1/books/x%2Fy",
            "",
            "GetBook",
            "GetBookRequest",
            json!({"name": "x/y"}),
        ),
        (
            "POST",
            "/v1/shelves/2/books?dryRun=true",
            r#"{"name":"new"}"#,
            "CreateBook",
            "CreateBookRequest",
            json!({"parent": "shelves/2", "book": {"name": "new"}, "dryRun": true}),
        ),
        (
            "PATCH",
            "/v1/shelves/1/books/2?price=9",
            r#"{"price":2.5,"name":"other"}"#,
            "UpdateBook",
            "Book",
            json!({"name": "shelves/1/books/2", "price": 2.5}),
        ),
        (
            "DELETE",
            "/v1/shelves/1/a/b/c",
            "",
            "DeleteBook",
            "GetBookRequest",
            json!({"name": "shelves/1/a/b/c"}),
        ),
        (
            "LOCK",
            "/v1/shelves/1/books/2:reserve",
            "",
            "ReserveBook",
            "GetBookRequest",
            json!({"name": "shelves/1/books/2"}),
        ),
    ] {
        let before = endpoint.count();
        let answer = ask(&stage, method, target, body).await;
        assert_eq!(
            answer.status(),
            200,
            "{method} {target}: {:?}",
            answer.body()
        );
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["x-shelf"], "7");
        assert!(!answer.headers().contains_key("grpc-status"));
        assert_eq!(parsed(&answer), json!({"name": "found"}));
        let asked = &endpoint.asked()[before];
        let path = format!("/library.v1.Library/{call}");
        assert!(asked.target.ends_with(&path), "{}", asked.target);
        assert_eq!((&*asked.method, asked.header("te")), ("POST", "trailers"));
        assert_eq!(asked.header("content-type"), "application/grpc");
        let timeout = asked.header("grpc-timeout").strip_suffix('m').unwrap();
        assert!(
            (1..=15_000).contains(&timeout.parse::<u64>().unwrap()),
            "{timeout}"
        );
        assert_eq!(
            received(input, &asked.body),
            [expected],
            "{method} {target}"
        );
    }
    for (method, target) in [
        ("GET", "/v2/x"),
        ("PUT", "/v1/books/1"),
        ("GET", "/v1/shelves/1/books/2:reserve/x"),
    ] {
        assert_eq!(
            ask(&stage, method, target, "").await.status(),
            404,
            "{method} {target}"
        );
    }
}

/// GW-39.
#[tokio::test]
async fn query_parameters_are_repeated_nested_and_keep_every_digit() {
    let answer = framed(&message(
        "SearchAnswer",
        json!({"books": [{"name": "a", "isbnNumber": "9007199254740993"}]}),
    ));
    let endpoint = Endpoint::start(move |_, _| {
        let answer = answer.clone();
        async move { ok(vec![answer]) }
    })
    .await;
    let stage = stage(&endpoint, json!({})).await;
    let target = "/v1/books:search?tags=a&tags=b+c&genres=NOVEL&genres=2&genres=77&author.name=X%26Y&author.born=1900\
                  &after=9223372036854775807&lent=true&since=2026-01-02T03%3A04%3A05Z&years=1&years=-2";
    let answer = ask(&stage, "GET", target, "").await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    // `response_body` is the list itself, and a large number is a text.
    assert_eq!(
        parsed(&answer),
        json!([{"name": "a", "isbnNumber": "9007199254740993"}])
    );
    let expected = json!({
        "tags": ["a", "b c"], "genres": ["NOVEL", "POETRY", 77], "author": {"name": "X&Y", "born": 1900},
        "after": "9223372036854775807", "lent": true, "since": "2026-01-02T03:04:05Z", "years": [1, -2],
    });
    assert_eq!(
        received("SearchRequest", &endpoint.asked()[0].body),
        [expected]
    );
    for (query, why) in [
        ("tagz=a", "there is no `tagz`"),
        ("after=1&after=2", "`after` is given twice"),
        ("genres=OPERA", "`genres` has no value `OPERA`"),
        ("lent=yes", "`lent` must be `true` or `false`"),
        ("author=x", "`author` is a message"),
        ("after.x=1", "`after.x` goes below a plain field"),
        ("after=9223372036854775808", "no message"),
        ("since=yesterday", "no message"),
    ] {
        let answer = ask(&stage, "GET", &format!("/v1/books:search?{query}"), "").await;
        assert_eq!(answer.status(), 400, "{query}");
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(text.contains(why), "{query}: {text}");
    }
    assert_eq!(endpoint.count(), 1);
}

/// GW-39.
#[tokio::test]
async fn large_numbers_stay_texts_and_unknown_enums_are_judged_by_the_settings() {
    let book = json!({
        "isbnNumber": "-9223372036854775808", "copies": "18446744073709551615", "genre": 77,
        "cover": "AP8=", "loan": "1.500s", "note": "n", "extra": {"a": [1.0, null]}, "counts": {"x": "5"},
        "attachment": {"@type": "type.googleapis.com/library.v1.Author", "name": "A"}, "edition": 0,
    });
    let endpoint = library(book.clone()).await;
    let strict = stage(&endpoint, json!({})).await;
    let sent = r#"{"isbnNumber":"-9223372036854775808","copies":18446744073709551615,"genre":77}"#;
    let answer = ask(&strict, "PATCH", "/v1/shelves/1/books/2", sent).await;
    assert_eq!(parsed(&answer), book);
    let got = received("Book", &endpoint.asked()[0].body);
    assert_eq!(got[0]["isbnNumber"], "-9223372036854775808");
    assert_eq!(got[0]["copies"], "18446744073709551615");
    for (body, status) in [
        (r#"{"genre":"OPERA"}"#, (400, 200)),
        (r#"{"color":"red"}"#, (400, 200)),
        (r#"{"copies":1.5}"#, (400, 400)),
        (r#"{"copies":"#, (400, 400)),
        (r#"[1]"#, (400, 400)),
        (r#"{"genre":"POETRY","isbn_number":"7"}"#, (200, 200)),
    ] {
        let lenient = stage(&endpoint, json!({"ignore-unknown": true})).await;
        for (stage, status) in [(&strict, status.0), (&lenient, status.1)] {
            let answer = ask(stage, "PATCH", "/v1/shelves/1/books/2", body).await;
            assert_eq!(answer.status(), status, "{body}: {:?}", answer.body());
        }
    }
    let proto = stage(
        &endpoint,
        json!({"preserve-proto-names": true, "enums-as-numbers": true, "write-defaults": true}),
    )
    .await;
    let answer = parsed(&ask(&proto, "GET", "/v1/books/1", "").await);
    assert_eq!(answer["isbn_number"], "-9223372036854775808");
    assert_eq!(
        (&answer["tags"], &answer["lent"]),
        (&json!([]), &json!(false))
    );
}

/// GW-39.
#[tokio::test]
async fn an_error_without_messages_never_becomes_200() {
    for (code, status) in [
        (1, 499),
        (2, 500),
        (3, 400),
        (4, 504),
        (5, 404),
        (6, 409),
        (7, 403),
        (8, 429),
        (9, 400),
        (10, 409),
        (11, 400),
        (12, 501),
        (13, 500),
        (14, 503),
        (15, 500),
        (16, 401),
        (99, 500),
    ] {
        for trailers_only in [true, false] {
            let endpoint = Endpoint::start(move |_, _| async move {
                let code = code.to_string();
                if trailers_only {
                    let answer = Response::builder().header("content-type", "application/grpc");
                    let answer = answer
                        .header("grpc-status", code)
                        .header("grpc-message", "50%25 gone");
                    return answer.body(full("")).unwrap();
                }
                let book = framed(&message("Book", json!({"name": "half"})));
                reply(
                    vec![book],
                    &[("grpc-status", &code), ("grpc-message", "50%25 gone")],
                )
            })
            .await;
            let stage = stage(&endpoint, json!({})).await;
            let answer = ask(&stage, "GET", "/v1/books/1", "").await;
            assert_eq!(answer.status(), status, "{code} {trailers_only}");
            assert_eq!(
                parsed(&answer),
                json!({"code": code, "message": "50% gone", "details": []})
            );
        }
    }
}

#[tokio::test]
async fn an_answer_without_status_or_not_by_grpc_is_no_success() {
    type Script = fn() -> Response<Body>;
    let scripts: [(Script, u16); 5] = [
        (
            || reply(vec![framed(&message("Book", json!({})))], &[]),
            500,
        ),
        (|| ok(Vec::new()), 500),
        (|| Response::new(full("<html>")), 500),
        (
            || Response::builder().status(503).body(full("")).unwrap(),
            503,
        ),
        (|| ok(vec![Bytes::from_static(&[1, 0, 0, 0, 0])]), 500),
    ];
    for (position, (script, status)) in scripts.into_iter().enumerate() {
        let endpoint = Endpoint::start(move |_, _| async move { script() }).await;
        let stage = stage(&endpoint, json!({})).await;
        assert_eq!(
            ask(&stage, "GET", "/v1/books/1", "").await.status(),
            status,
            "{position}"
        );
    }
    let endpoint = library(json!({"name": "x".repeat(100)})).await;
    let stage = stage(&endpoint, json!({"max-message": 100})).await;
    assert_eq!(ask(&stage, "GET", "/v1/books/1", "").await.status(), 429);
}

#[tokio::test]
async fn details_of_an_error_are_json() {
    let endpoint = Endpoint::start(|_, _| async {
        let author = message("Author", json!({"name": "A"}));
        let any = |name: &str, value: Vec<u8>| {
            let mut any =
                DynamicMessage::new(pool().get_message_by_name("google.protobuf.Any").unwrap());
            any.set_field_by_name(
                "type_url",
                Field::String(format!("type.googleapis.com/{name}")),
            );
            any.set_field_by_name("value", Field::Bytes(value.into()));
            any.encode_to_vec()
        };
        // google.rpc.Status by hand: code, message, details.
        let mut status = vec![0x08, 5, 0x12, 1, b'm'];
        for any in [
            any("library.v1.Author", author.encode_to_vec()),
            any("some.Other", vec![1, 2]),
        ] {
            status.push(0x1a);
            status.push(any.len() as u8);
            status.extend(any);
        }
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(status);
        reply(
            Vec::new(),
            &[
                ("grpc-status", "5"),
                ("grpc-message", "m"),
                ("grpc-status-details-bin", &text),
            ],
        )
    })
    .await;
    let stage = stage(&endpoint, json!({})).await;
    let answer = ask(&stage, "GET", "/v1/books/1", "").await;
    assert_eq!(answer.status(), 404);
    let expected = json!([
        {"@type": "type.googleapis.com/library.v1.Author", "name": "A"},
        {"@type": "type.googleapis.com/some.Other", "value": "AQI="},
    ]);
    assert_eq!(parsed(&answer)["details"], expected);
}

#[tokio::test]
async fn a_stream_of_messages_is_an_array_or_lines() {
    for count in [0, 1, 3] {
        let endpoint = Endpoint::start(move |_, _| async move {
            let books =
                (0..count).map(|n| framed(&message("Book", json!({"copies": n.to_string()}))));
            ok(books.collect())
        })
        .await;
        let stage = stage(&endpoint, json!({})).await;
        let expected: Vec<_> = (0..count)
            .map(|n: u32| {
                if n == 0 {
                    json!({})
                } else {
                    json!({"copies": n.to_string()})
                }
            })
            .collect();
        let answer = ask(&stage, "GET", "/v1/stream/a/b", "").await;
        assert_eq!(parsed(&answer), json!(expected));
        let request =
            Request::get(stage.url("/v1/stream/a/b")).header("accept", "application/x-ndjson");
        let answer = stage.send(request.body(full("")).unwrap()).await;
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        let lines = std::str::from_utf8(answer.body()).unwrap().lines();
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn a_stream_that_fails_later_breaks_off_and_one_that_fails_at_once_has_its_status() {
    for (messages, at_once) in [(0, true), (1, false)] {
        let endpoint = Endpoint::start(move |_, _| async move {
            let book = framed(&message("Book", json!({"name": "a"})));
            reply(vec![book; messages], &[("grpc-status", "7")])
        })
        .await;
        let stage = stage(&endpoint, json!({})).await;
        let request = Request::get(stage.url("/v1/stream/a"))
            .body(full(""))
            .unwrap();
        let answer = stage.client.call(request, soon(), 1 << 20).await;
        match answer {
            Ok(answer) => assert_eq!((answer.status().as_u16(), at_once), (403, true)),
            Err(_) => assert!(!at_once),
        }
    }
}

#[tokio::test]
async fn an_array_becomes_a_stream_of_messages_and_grpc_goes_through_untouched() {
    let endpoint = library(json!({})).await;
    let stage = stage(&endpoint, json!({})).await;
    let answer = ask(
        &stage,
        "POST",
        "/v1/books:add",
        r#"[{"name":"a"},{"name":"b"}]"#,
    )
    .await;
    assert_eq!(answer.status(), 200);
    let got = received("Book", &endpoint.asked()[0].body);
    assert_eq!(got, [json!({"name": "a"}), json!({"name": "b"})]);
    assert_eq!(
        ask(&stage, "POST", "/v1/books:add", r#"{"name":"a"}"#)
            .await
            .status(),
        400
    );
    let request = Request::post(stage.url("/library.v1.Library/GetBook"));
    let request = request
        .header("content-type", "application/grpc+proto")
        .body(full("raw"))
        .unwrap();
    let answer = stage.send(request).await;
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    assert_eq!(endpoint.asked()[1].body, "raw");
}

#[test]
fn what_cannot_be_transcoded_is_said_when_a_gateway_is_built() {
    for (key, value, expected) in [
        (
            "descriptors",
            json!("other"),
            "`routes[0].transcode.descriptors` is not there",
        ),
        (
            "services",
            json!(["library.v1.Libary"]),
            "`routes[0].transcode.services` has `library.v1.Libary`, not one of library.v1.Library",
        ),
        (
            "services",
            json!([]),
            "`routes[0].transcode.services` is empty",
        ),
        (
            "max-message",
            json!(0),
            "`routes[0].transcode.max-message` must be at least 1",
        ),
    ] {
        let mut config = config(&["127.0.0.1:1".parse().unwrap()]);
        config["upstreams"]["main"]["protocol"] = json!("http2");
        config["routes"][0]["transcode"] = settings();
        config["routes"][0]["transcode"][key] = value;
        let problem = build(config);
        assert!(problem.contains(expected), "{problem}");
    }
    let mut config = config(&["127.0.0.1:1".parse().unwrap()]);
    config["routes"][0]["transcode"] = settings();
    assert!(build(config).contains("needs `protocol = \"http2\"` at upstream `main`"));
}

fn build(config: Value) -> String {
    use rand_core::SeedableRng;
    let config: Config = serde_json::from_value(config).unwrap();
    let rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let built = Gateway::with_vault(config, rng, Witness::default(), Files);
    built
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}
