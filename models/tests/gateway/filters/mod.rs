//! Filters: in order and back, their failures, and those that every gateway has.

mod builtin;

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
