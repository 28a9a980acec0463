//! Filters: in order and back, their failures, and those that every gateway has.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, request, response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use windtunnel_models::gateway::End;
use windtunnel_models::gateway::config::Config;
use windtunnel_models::gateway::filter::{BodyChange, Filter, Next, Registry, Step, Visit};
use windtunnel_models::http::{Body, BoxError, boxed, full};

use crate::world::*;

/// A filter that writes down that it was passed, and otherwise does as it is told.
struct Told {
    settings: Orders,
    log: Arc<Mutex<Vec<String>>>,
    passed: AtomicUsize,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Orders {
    name: String,
    #[serde(default)]
    request: String,
    #[serde(default)]
    response: String,
}

impl Told {
    fn note(&self, what: &str) {
        // The guard of a filter's own lock, so that a panic poisons it.
        let mut log = self
            .log
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        log.push(format!("{what} {}", self.settings.name));
        assert!(
            !self.settings.request.contains("panic-locked"),
            "with the lock"
        );
    }

    async fn fail(&self, how: &str) -> Result<(), BoxError> {
        match how {
            "panic" => panic!("as told"),
            "error" => Err("as told".into()),
            "hang" => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

impl Filter for Told {
    fn request<'a>(&'a self, head: &'a mut request::Parts, visit: &'a mut Visit) -> Step<'a, Next> {
        assert!(self.settings.request != "panic-at-once", "as told");
        Box::pin(async move {
            head.headers
                .insert("x-seen-by", self.settings.name.parse()?);
            visit
                .notes
                .insert(self.passed.fetch_add(1, Ordering::Relaxed));
            self.note("request");
            self.fail(&self.settings.request).await?;
            match &*self.settings.request {
                "answer" => Ok(Next::Answer(Response::new(full("mine")))),
                "upper" => Ok(Next::ChangeBody(upper())),
                "break-body" => Ok(Next::ChangeBody(Box::new(|_| panic!("in the body")))),
                _ => Ok(Next::Continue),
            }
        })
    }

    fn response<'a>(
        &'a self,
        head: &'a mut response::Parts,
        visit: &'a mut Visit,
    ) -> Step<'a, Option<BodyChange>> {
        Box::pin(async move {
            head.headers
                .append("x-back-by", self.settings.name.parse()?);
            let passed: &usize = visit.notes.get().ok_or("nothing noted")?;
            head.headers.insert("x-passed", (*passed).into());
            self.note("response");
            self.fail(&self.settings.response).await?;
            Ok((self.settings.response == "upper").then(upper))
        })
    }
}

fn upper() -> BodyChange {
    Box::new(|body| {
        boxed(body.map_frame(|frame| frame.map_data(|data| Bytes::from(data.to_ascii_uppercase()))))
    })
}

type Log = Arc<Mutex<Vec<String>>>;

fn registry() -> (Registry, Log) {
    let log = Log::default();
    let told = log.clone();
    let registry = Registry::default().with("told", move |settings: Orders| {
        Ok(Told {
            settings,
            log: told.clone(),
            passed: AtomicUsize::new(0),
        })
    });
    (registry, log)
}

/// A filter named `name` that does as told.
fn told(name: &str, on_failure: &str, request: &str, response: &str) -> Value {
    let settings = json!({"name": name, "request": request, "response": response});
    json!({"kind": "told", "on-failure": on_failure, "settings": settings})
}

fn with_filters(endpoint: &Endpoint, filters: Value, order: &[&str]) -> Value {
    let mut config = config(&[endpoint.address]);
    config["filters"] = filters;
    config["routes"][0]["filters"] = json!(order);
    config
}

async fn stage(endpoint: &Endpoint, filters: Value, order: &[&str]) -> (Stage, Log) {
    let (registry, log) = registry();
    let config = with_filters(endpoint, filters, order);
    (Stage::with(config, (), registry).await, log)
}

/// One filter of a kind, with settings.
async fn only(endpoint: &Endpoint, kind: &str, settings: Value) -> Stage {
    let filters = json!({"it": {"kind": kind, "settings": settings}});
    stage(endpoint, filters, &["it"]).await.0
}

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

#[tokio::test]
async fn filters_are_passed_in_order_and_answers_come_back_in_reverse() {
    let endpoint = Endpoint::answering("hello").await;
    let filters = json!({
        "a": told("a", "closed", "", ""), "b": told("b", "closed", "", ""),
        "z": told("z", "closed", "", ""),
    });
    let (registry, log) = registry();
    let mut config = with_filters(&endpoint, filters, &["b", "a"]);
    config["common-filters"] = json!(["z"]);
    let stage = Stage::with(config, (), registry).await;
    let answer = stage.get("/").await;
    let expected = [
        "request z",
        "request b",
        "request a",
        "response a",
        "response b",
        "response z",
    ];
    assert_eq!(taken(&log), expected);
    assert_eq!(endpoint.asked()[0].header("x-seen-by"), "a");
    let back: Vec<_> = answer.headers().get_all("x-back-by").iter().collect();
    assert_eq!(back, ["a", "b", "z"]);
}

#[tokio::test]
async fn a_filter_that_answers_hides_the_request_from_all_behind_it() {
    let endpoint = Endpoint::answering("hello").await;
    let filters = json!({
        "a": told("a", "closed", "", ""), "b": told("b", "closed", "answer", ""),
        "c": told("c", "closed", "", ""),
    });
    let (stage, log) = stage(&endpoint, filters, &["a", "b", "c"]).await;
    let answer = stage.get("/").await;
    assert_eq!(answer.body(), "mine");
    assert_eq!(taken(&log), ["request a", "request b", "response a"]);
    assert_eq!(endpoint.count(), 0);
    let seen = stage.witness.request(1).await;
    assert_eq!((seen.status, seen.end), (Some(200), End::Complete));
}

/// GW-37. Every way to fail, in both directions, under both policies: nothing but the request at hand is
/// touched, and the next one is served.
#[tokio::test]
async fn a_filter_that_panics_fails_and_poisons_nothing() {
    for how in ["panic", "panic-at-once", "panic-locked", "error", "hang"] {
        for in_response in [false, true] {
            if in_response && how.starts_with("panic-") {
                continue;
            }
            for policy in ["open", "closed"] {
                let endpoint = Endpoint::answering("hello").await;
                let (request, response) = if in_response { ("", how) } else { (how, "") };
                let filters = json!({
                    "good": told("good", "closed", "", ""),
                    "bad": told("bad", policy, request, response),
                });
                let (stage, log) = stage(&endpoint, filters, &["good", "bad"]).await;
                for _ in 0..3 {
                    let note = format!("{how} {in_response} {policy}");
                    let answer = stage.post("/", "sent").await;
                    if policy == "open" {
                        assert_eq!(
                            (answer.status().as_u16(), &answer.body()[..]),
                            (200, &b"hello"[..]),
                            "{note}"
                        );
                        // What it did to the head before it failed is undone.
                        let back: Vec<_> = answer.headers().get_all("x-back-by").iter().collect();
                        assert_eq!(back, ["good"], "{note}");
                        let asked = endpoint.asked().pop().unwrap();
                        let seen_by = if in_response { "bad" } else { "good" };
                        assert_eq!(asked.header("x-seen-by"), seen_by, "{note}");
                        assert_eq!(asked.body, "sent", "{note}");
                    } else {
                        assert_eq!(answer.status(), 500, "{note}");
                        let by = &answer.headers()["x-refused-by"];
                        assert_eq!(by, "edge; filter-failed", "{note}");
                        assert_eq!(endpoint.count() > 0, in_response, "{note}");
                    }
                    let log = taken(&log);
                    assert!(log.contains(&"response good".to_owned()), "{note}: {log:?}");
                }
                let seen = stage.witness.requests(3).await;
                assert_eq!(seen.len(), 3, "each is reported once");
                if policy == "closed" && !in_response {
                    assert_eq!(seen[0].refusal, Some("filter-failed"));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_filter_that_takes_too_long_has_failed_at_its_limit() {
    let endpoint = Endpoint::answering("hello").await;
    let mut slow = told("slow", "open", "hang", "");
    slow["timeout"] = json!("250ms");
    let (stage, _) = stage(&endpoint, json!({"slow": slow}), &["slow"]).await;
    let began = Instant::now();
    assert_eq!(stage.get("/").await.status(), 200);
    assert!(began.elapsed().as_millis() >= 250);
    assert!(began.elapsed().as_millis() < 15_000, "not at the deadline");
}

#[tokio::test]
async fn bodies_are_changed_as_they_stream_and_a_panic_in_one_ends_only_it() {
    let endpoint = Endpoint::answering("hello").await;
    let filters = json!({"up": told("up", "closed", "upper", "upper")});
    let (stage_up, _) = stage(&endpoint, filters, &["up"]).await;
    assert_eq!(stage_up.post("/", "sent").await.body(), "HELLO");
    assert_eq!(endpoint.asked()[0].body, "SENT");
    let filters = json!({"bad": told("bad", "closed", "break-body", "")});
    let (broken, _) = stage(&endpoint, filters, &["bad"]).await;
    for _ in 0..2 {
        assert_eq!(broken.post("/", "sent").await.status(), 400);
    }
    assert_eq!(broken.witness.requests(2).await.len(), 2);
}

#[tokio::test]
async fn a_filter_that_a_reload_does_not_change_keeps_what_it_knows() {
    let endpoint = Endpoint::answering("hello").await;
    let filters = json!({"a": told("a", "closed", "", "")});
    let (stage, _) = stage(&endpoint, filters.clone(), &["a"]).await;
    let passed = |answer: Response<Bytes>| answer.headers()["x-passed"].clone();
    assert_eq!(passed(stage.get("/").await), "0");
    let mut next = with_filters(&endpoint, filters, &["a"]);
    next["name"] = json!("other");
    let reload = |value: &Value| {
        let config: Config = serde_json::from_value(value.clone()).unwrap();
        stage.gateway.reload(config)
    };
    reload(&next).unwrap();
    assert_eq!(passed(stage.get("/").await), "1");
    next["filters"]["a"]["timeout"] = json!("2s");
    reload(&next).unwrap();
    assert_eq!(passed(stage.get("/").await), "0");
    next["filters"]["a"]["kind"] = json!("tole");
    let wrong = reload(&next).unwrap_err().to_string();
    let known = "`filters.a.kind` is `tole`, not one of compression, cors, fault, request-id, \
                 security-headers, told";
    assert!(wrong.contains(known), "{wrong}");
    assert_eq!(passed(stage.get("/").await), "1");
}

#[test]
fn each_wrong_setting_names_its_field() {
    let base = |filters: Value, order: Value| {
        let mut config = config(&["127.0.0.1:1".parse().unwrap()]);
        config["filters"] = filters;
        config["routes"][0]["filters"] = order;
        let config: Config = serde_json::from_value(config).unwrap();
        config.validate().map_err(|error| error.to_string())
    };
    let cors = |settings: Value| json!({"a": {"kind": "cors", "settings": settings}});
    let fault = |settings: Value| json!({"a": {"kind": "fault", "settings": settings}});
    for (filters, order, expected) in [
        (
            json!({}),
            json!(["a"]),
            "`routes[0].filters[0]` names no filter",
        ),
        (
            fault(json!({"abort": {"status": 503}})),
            json!(["a", "a"]),
            "`routes[0].filters[1]` is named twice",
        ),
        (
            fault(json!({})),
            json!(["a"]),
            "`filters.a.settings` needs `delay` or `abort`",
        ),
        (
            fault(json!({"abort": {"status": 99}})),
            json!([]),
            "must be from 200 to 599",
        ),
        (
            fault(json!({"abort": {"status": 500, "share": 1.5}})),
            json!([]),
            "not between 0 and 1",
        ),
        (cors(json!({})), json!([]), "`allow-origins` is empty"),
        (
            cors(json!({"allow-origin": ["*"]})),
            json!([]),
            "unknown field `allow-origin`",
        ),
        (
            cors(json!({"allow-origins": ["shop.example"]})),
            json!([]),
            "`scheme://host`",
        ),
        (
            cors(
                json!({"allow-origins": ["*"], "allow-credentials": true, "expose-headers": ["*"]}),
            ),
            json!([]),
            "`expose-headers` has `*`",
        ),
        (
            json!({"a": {"kind": "cors", "timeout": "0s", "settings": {"allow-origins": ["*"]}}}),
            json!([]),
            "`filters.a.timeout` must be longer than zero",
        ),
        (
            json!({"a": {"kind": "compression", "settings": {"level": 0}}}),
            json!([]),
            "`level` must be from 1 to 9",
        ),
    ] {
        let problem = base(filters, order).expect_err(expected);
        assert!(problem.contains(expected), "{problem} has no {expected}");
    }
}

/// V-36c: what the Gateway API and the Fetch standard say of CORS.
#[tokio::test]
async fn a_preflight_is_answered_before_authentication_and_never_forwarded() {
    let endpoint = Endpoint::answering("hello").await;
    let settings = json!({
        "allow-origins": ["https://www.shop.example", "https://*.apps.example"],
        "allow-methods": ["GET", "PUT"], "allow-headers": ["x-one", "x-two"], "max-age": "1h",
    });
    let filters = json!({"it": {"kind": "cors", "settings": settings}});
    let mut config = with_filters(&endpoint, filters, &["it"]);
    config["keys"] = json!({"all": {"me": "secret"}});
    config["routes"][0]["keys"] = json!("all");
    let stage = Stage::new(config).await;
    let ask = |origin: &'static str| preflight(&stage, origin);
    for origin in ["https://www.shop.example", "https://a.apps.example"] {
        let answer = ask(origin).await;
        assert_eq!(answer.status(), 204);
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], origin);
        assert_eq!(headers["access-control-allow-methods"], "GET, PUT");
        assert_eq!(headers["access-control-allow-headers"], "x-one, x-two");
        assert_eq!(headers["access-control-max-age"], "3600");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        let vary: Vec<_> = headers.get_all("vary").iter().collect();
        let asked = [
            "Access-Control-Request-Method",
            "Access-Control-Request-Headers",
        ];
        assert_eq!(vary, ["Origin", asked[0], asked[1]]);
    }
    for origin in [
        "https://evil.example",
        "https://apps.example",
        "http://www.shop.example",
        "null",
    ] {
        let answer = ask(origin).await;
        assert_eq!(answer.status(), 204, "{origin}");
        let permits = |name: &http::HeaderName| name.as_str().starts_with("access-control-");
        assert!(!answer.headers().keys().any(permits), "{origin}");
    }
    // Not a preflight: what is asked needs a key.
    let plain = Request::options(stage.url("/")).header("origin", "https://www.shop.example");
    assert_eq!(
        stage.send(plain.body(full("")).unwrap()).await.status(),
        401
    );
    assert_eq!(endpoint.count(), 0);
}

async fn preflight(stage: &Stage, origin: &str) -> Response<Bytes> {
    let request = Request::options(stage.url("/"))
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "x-one");
    stage.send(request.body(full("")).unwrap()).await
}

#[tokio::test]
async fn with_credentials_a_wildcard_is_never_sent() {
    let endpoint = Endpoint::answering("hello").await;
    for credentials in [false, true] {
        let settings = json!({
            "allow-origins": ["*"], "allow-methods": ["*"], "allow-headers": ["*"],
            "allow-credentials": credentials,
        });
        let stage = only(&endpoint, "cors", settings).await;
        let answer = preflight(&stage, "https://a.example").await;
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        let said = |text: &str| Some(text.to_owned());
        let (origin, method, headers, allowed) = match credentials {
            true => ("https://a.example", "PUT", "x-one", said("true")),
            false => ("*", "*", "*", None),
        };
        assert_eq!(header("access-control-allow-origin"), said(origin));
        assert_eq!(header("access-control-allow-methods"), said(method));
        assert_eq!(header("access-control-allow-headers"), said(headers));
        assert_eq!(header("access-control-allow-credentials"), allowed);
    }
}

#[tokio::test]
async fn an_answer_says_which_origin_may_read_it_and_the_endpoint_has_no_say() {
    let endpoint = Endpoint::start(|_, _| async {
        let answer = Response::builder().header("access-control-allow-origin", "*");
        answer.body(full("hello")).unwrap()
    })
    .await;
    let settings = json!({
        "allow-origins": ["https://a.example"], "allow-credentials": true, "expose-headers": ["x-sum"],
    });
    let stage = only(&endpoint, "cors", settings).await;
    for (origin, allowed) in [
        (Some("https://a.example"), true),
        (Some("https://b.example"), false),
        (None, false),
    ] {
        let mut request = Request::get(stage.url("/"));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = stage.send(request.body(full("")).unwrap()).await;
        assert_eq!(answer.body(), "hello");
        let headers = answer.headers();
        assert_eq!(headers["vary"], "Origin", "{origin:?}");
        let said: Vec<_> = headers
            .get_all("access-control-allow-origin")
            .iter()
            .collect();
        assert_eq!(
            said,
            origin.filter(|_| allowed).into_iter().collect::<Vec<_>>()
        );
        assert_eq!(
            headers.contains_key("access-control-allow-credentials"),
            allowed
        );
        assert_eq!(
            headers.contains_key("access-control-expose-headers"),
            allowed
        );
    }
}

#[tokio::test]
async fn a_request_has_one_id_for_the_endpoint_and_the_client() {
    let endpoint = Endpoint::answering("hello").await;
    let mut ids = Vec::new();
    for (keep, sent, kept) in [
        (false, "mine", false),
        (true, "mine", true),
        (true, "two words", false),
    ] {
        let stage = only(&endpoint, "request-id", json!({"keep": keep})).await;
        let request = Request::get(stage.url("/")).header("x-request-id", sent);
        let answer = stage.send(request.body(full("")).unwrap()).await;
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(endpoint.asked().pop().unwrap().header("x-request-id"), id);
        assert_eq!(id == sent, kept, "{id}");
        if !kept {
            assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
        let next = stage.get("/").await.headers()["x-request-id"].clone();
        assert_ne!(next, *id);
        ids.push(id);
    }
}

#[tokio::test]
async fn careful_headers_are_added_and_talkative_ones_removed() {
    let endpoint = Endpoint::start(|_, _| async {
        let answer = Response::builder()
            .header("server", "old/1.0")
            .header("x-frame-options", "SAMEORIGIN");
        answer.body(full("hello")).unwrap()
    })
    .await;
    let stage = only(&endpoint, "security-headers", json!({})).await;
    let answer = stage.get("/").await;
    let headers = answer.headers();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(
        headers["x-frame-options"], "SAMEORIGIN",
        "the endpoint's word counts"
    );
    assert!(!headers.contains_key("server"));
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_read_it_and_otherwise_left_alone() {
    let text = "all work and no play ".repeat(400);
    let long: Bytes = text.clone().into();
    let endpoint = Endpoint::start(move |_, asked| {
        let long = long.clone();
        async move {
            let mut answer = Response::builder().header("etag", "\"one\"");
            let (name, value) = asked.target[1..]
                .split_once('=')
                .unwrap_or(("content-type", "text/plain"));
            if name != "content-type" {
                answer = answer.header("content-type", "text/plain");
            }
            let short = name == "x-short";
            let body = if short {
                Bytes::from_static(b"short")
            } else {
                long
            };
            answer.header(name, value).body(full(body)).unwrap()
        }
    })
    .await;
    let stage = only(&endpoint, "compression", json!({})).await;
    let ask = |target: &'static str, accept: &'static str| {
        let request = Request::get(stage.url(target)).header("accept-encoding", accept);
        stage.send(request.body(full("")).unwrap())
    };
    for accept in ["gzip", "br;q=1.0, gzip;q=0.5", "*", "deflate, X-GZIP"] {
        let answer = ask("/", accept).await;
        let headers = answer.headers();
        assert_eq!(headers["content-encoding"], "gzip", "{accept}");
        assert_eq!(headers["vary"], "Accept-Encoding");
        assert_eq!(headers["etag"], "W/\"one\"");
        let length: Option<usize> = headers
            .get("content-length")
            .map(|l| l.to_str().unwrap().parse().unwrap());
        assert!(length.is_none_or(|length| length == answer.body().len()));
        assert!(answer.body().len() < 1000, "{}", answer.body().len());
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&answer.body()[..])
            .read_to_string(&mut plain)
            .unwrap();
        assert_eq!(plain, text);
    }
    for (target, accept) in [
        ("/", "gzip;q=0, *"),
        ("/", "identity"),
        ("/", "*;q=0"),
        ("/content-encoding=br", "gzip"),
        ("/cache-control=public,no-transform", "gzip"),
        ("/content-type=image/png", "gzip"),
        ("/content-type=text/event-stream", "gzip"),
        ("/x-short=1", "gzip"),
    ] {
        let answer = ask(target, accept).await;
        let encoding = answer.headers().get("content-encoding");
        assert_ne!(
            encoding.map(|e| e.as_bytes()),
            Some(&b"gzip"[..]),
            "{target} {accept}"
        );
        assert_eq!(answer.headers()["etag"], "\"one\"", "{target} {accept}");
        assert!(target == "/x-short=1" || *answer.body() == text);
    }
}

#[tokio::test]
async fn a_compressed_stream_keeps_no_piece_back_and_its_trailers() {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Frame<Bytes>>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let endpoint = Endpoint::start(move |_, _| {
        let receiver = receiver.lock().unwrap().take().unwrap();
        async move {
            let frames = futures_util::stream::unfold(receiver, |mut receiver| async {
                let frame = receiver.recv().await?;
                Some((Ok::<_, BoxError>(frame), receiver))
            });
            let answer = Response::builder()
                .header("content-type", "text/plain")
                .header("trailer", "x-sum");
            answer.body(boxed(StreamBody::new(frames))).unwrap()
        }
    })
    .await;
    let stage = only(&endpoint, "compression", json!({})).await;
    let request = Request::get(stage.url("/"))
        .header("accept-encoding", "gzip")
        .header("te", "trailers");
    sender
        .send(Frame::data(Bytes::from_static(b"first")))
        .await
        .unwrap();
    let answer = stage
        .client
        .send(request.body(full("")).unwrap(), soon())
        .await
        .unwrap();
    let mut body: Body = boxed(answer.into_body());
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    // Nothing more was sent yet; what came decodes to the piece.
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    std::io::Write::write_all(&mut decoder, &first).unwrap();
    std::io::Write::flush(&mut decoder).unwrap();
    assert_eq!(decoder.get_ref(), b"first");
    sender
        .send(Frame::data(Bytes::from_static(b" last")))
        .await
        .unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    sender.send(Frame::trailers(trailers)).await.unwrap();
    drop(sender);
    let rest = body.collect().await.unwrap();
    assert_eq!(
        rest.trailers().map(|t| t["x-sum"].clone()),
        Some("7".parse().unwrap())
    );
    std::io::Write::write_all(&mut decoder, &rest.to_bytes()).unwrap();
    assert_eq!(decoder.finish().unwrap(), b"first last");
}

#[tokio::test]
async fn an_exact_share_of_the_requests_meets_the_fault() {
    let endpoint = Endpoint::answering("hello").await;
    let settings = json!({"abort": {"status": 418, "share": 0.25}, "headers": {"x-drill": "yes"}});
    let stage = only(&endpoint, "fault", settings).await;
    let mut aborted = 0;
    for _ in 0..400 {
        let request = Request::get(stage.url("/")).header("x-drill", "yes");
        let answer = stage.send(request.body(full("")).unwrap()).await;
        aborted += usize::from(answer.status() == 418);
        assert_eq!(stage.get("/").await.status(), 200);
    }
    assert!((99..=101).contains(&aborted), "{aborted}");
    let stage = only(&endpoint, "fault", json!({"delay": {"for": "300ms"}})).await;
    let began = Instant::now();
    assert_eq!(stage.get("/").await.status(), 200);
    assert!(began.elapsed().as_millis() >= 300);
}
