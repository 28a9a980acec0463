//! REST in front, gRPC behind: what the service is asked, and what the client is told.

mod endings;

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
