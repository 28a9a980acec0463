//! What an operator is told, and what is counted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use windtunnel_models::gateway::admin::{Admin, Control};
use windtunnel_models::gateway::telemetry::{Both, Source, Telemetry};
use windtunnel_models::gateway::{Config, Gateway};
use windtunnel_models::http::{Body, empty};

use crate::world::*;

/// A program around a gateway that remembers its orders.
#[derive(Default)]
struct Program {
    stops: AtomicBool,
    broken: AtomicBool,
    reloads: AtomicUsize,
}

impl Control for Program {
    fn is_ready(&self) -> bool {
        !self.stops.load(Ordering::Relaxed)
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            self.reloads.fetch_add(1, Ordering::Relaxed);
            match self.broken.load(Ordering::Relaxed) {
                true => Err("gateway.toml:1:1: wrong".to_owned()),
                false => Ok(()),
            }
        })
    }

    fn drain(&self) {
        self.stops.store(true, Ordering::Relaxed);
    }
}

struct Office {
    gateway: Gateway,
    witness: Witness,
    program: Arc<Program>,
    admin: Admin,
}

impl Office {
    fn new(config: Value) -> Self {
        let config: Config = serde_json::from_value(config).unwrap();
        let (telemetry, witness) = (Telemetry::default(), Witness::default());
        let observer = Both(telemetry.clone(), witness.clone());
        let rng = ChaCha8Rng::seed_from_u64(42);
        let gateway = Gateway::new(config, rng, observer).unwrap();
        let program = Arc::<Program>::default();
        let sources = [Arc::new(telemetry) as Arc<dyn Source>];
        Self {
            admin: Admin::new(gateway.clone(), sources, program.clone()),
            gateway,
            witness,
            program,
        }
    }

    /// A request to the gateway, to the last byte of its answer.
    async fn served(&self, path: &str) -> StatusCode {
        let request = Request::get(path).header("host", "shop").body(empty());
        let answer = self.gateway.handle(request.unwrap()).await;
        let status = answer.status();
        answer.into_body().collect().await.unwrap();
        status
    }

    async fn ask(&self, method: Method, path: &str) -> Response<Body> {
        let request = Request::builder().method(method).uri(path).body(());
        self.admin.handle(&request.unwrap()).await
    }

    async fn read(&self, path: &str) -> String {
        let answer = self.ask(Method::GET, path).await;
        assert_eq!(answer.status(), 200, "{path}");
        text(answer).await
    }
}

async fn text(answer: Response<Body>) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn orders_are_taken_by_post_and_from_no_web_page() {
    let endpoint = Endpoint::answering("fine").await;
    let office = Office::new(config(&[endpoint.address]));
    for order in ["/reload", "/drain"] {
        for method in [Method::GET, Method::PUT] {
            let answer = office.ask(method, order).await;
            assert_eq!(
                (answer.status(), &answer.headers()["allow"]),
                (405.try_into().unwrap(), &"POST".parse().unwrap())
            );
        }
        let page = Request::post(order).header("origin", "http://evil.test");
        let answer = office.admin.handle(&page.body(()).unwrap()).await;
        assert_eq!(answer.status(), 403);
    }
    assert!(office.program.is_ready());
    assert_eq!(office.program.reloads.load(Ordering::Relaxed), 0);
    assert_eq!(office.ask(Method::POST, "/reload").await.status(), 200);
    office.program.broken.store(true, Ordering::Relaxed);
    let refused = office.ask(Method::POST, "/reload").await;
    assert_eq!(refused.status(), 422);
    assert_eq!(text(refused).await, "gateway.toml:1:1: wrong");
    assert_eq!(office.ask(Method::GET, "/ready").await.status(), 200);
    assert_eq!(office.ask(Method::POST, "/drain").await.status(), 202);
    assert_eq!(office.ask(Method::GET, "/ready").await.status(), 503);
    assert_eq!(office.ask(Method::HEAD, "/live").await.status(), 200);
    assert_eq!(office.ask(Method::POST, "/live").await.status(), 405);
    assert_eq!(office.ask(Method::GET, "/else").await.status(), 404);
}

#[tokio::test]
async fn requests_attempts_and_refusals_are_counted_once() {
    let sick = Endpoint::failing(500).await;
    let mut config = config(&[sick.address]);
    config["upstreams"]["main"]["breaker"] = json!({"consecutive-failures": 2, "open-for": "1m"});
    config["routes"][0]["matches"] = json!([{"path": {"prefix": "/shop"}}]);
    let office = Office::new(config);
    for (path, status) in [("/shop", 500), ("/shop", 500), ("/shop", 503), ("/", 404)] {
        assert_eq!(office.served(path).await, status);
    }
    office.witness.requests(4).await;
    let page = office.read("/metrics").await;
    for line in [
        "gateway_requests_total{route=\"all\",status=\"5xx\"} 3",
        "gateway_requests_total{route=\"(none)\",status=\"4xx\"} 1",
        "gateway_request_duration_seconds_count{route=\"all\"} 3",
        "gateway_refusals_total{reason=\"breaker-open\"} 1",
        "gateway_refusals_total{reason=\"no-route\"} 1",
        "gateway_attempts_total{upstream=\"main\",outcome=\"failed\"} 2",
        "gateway_breaker_changes_total{upstream=\"main\",to=\"open\"} 1",
        "gateway_breaker_rejections_total{upstream=\"main\"} 1",
    ] {
        assert!(page.lines().any(|one| one == line), "{line}\n{page}");
    }
    let endpoints: Value = serde_json::from_str(&office.read("/endpoints").await).unwrap();
    let expected = json!([{
        "upstream": "main",
        "endpoint": sick.address.to_string(),
        "in-flight": 0,
        "breaker": "open",
        "ejected": false,
    }]);
    assert_eq!(endpoints, expected);
}

#[tokio::test]
async fn what_strangers_ask_for_makes_no_series() {
    let endpoint = Endpoint::answering("fine").await;
    let mut config = config(&[endpoint.address]);
    config["routes"][0]["hosts"] = json!(["shop.example"]);
    let office = Office::new(config);
    office.served("/warm-up").await;
    let before = office.read("/metrics").await.lines().count();
    for number in 0..200 {
        assert_eq!(office.served(&format!("/{number}")).await, 404);
    }
    office.witness.requests(201).await;
    assert_eq!(office.read("/metrics").await.lines().count(), before);
}

#[tokio::test]
async fn an_exemplar_leads_to_the_trace_of_a_request() {
    let endpoint = Endpoint::answering("fine").await;
    let office = Office::new(config(&[endpoint.address]));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = Request::get("/")
        .header("host", "shop")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .body(empty());
    let answer = office.gateway.handle(request.unwrap()).await;
    answer.into_body().collect().await.unwrap();
    office.witness.requests(1).await;
    let request = Request::get("/metrics").header("accept", "application/openmetrics-text");
    let page = office.admin.handle(&request.body(()).unwrap()).await;
    let media_type = page.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(media_type.starts_with("application/openmetrics-text; version=1.0.0"));
    let page = text(page).await;
    let exemplar = format!("# {{trace_id=\"{trace}\"}} ");
    let buckets = page.lines().filter(|line| line.contains(&exemplar));
    let of_requests = "gateway_request_duration_seconds_bucket{route=\"all\"";
    assert!(
        buckets.clone().any(|line| line.starts_with(of_requests)),
        "{page}"
    );
    assert!(page.ends_with("\n# EOF\n"));
}

#[tokio::test]
async fn readings_come_in_the_same_order_every_time() {
    let endpoints = [
        Endpoint::answering("a").await,
        Endpoint::answering("b").await,
    ];
    let office = Office::new(config(&[endpoints[0].address, endpoints[1].address]));
    for _ in 0..4 {
        office.served("/").await;
    }
    office.witness.requests(4).await;
    let names = |page: &str| -> Vec<String> {
        let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let families = types.filter_map(|line| line.split(' ').next());
        let families = families.map(|name| name.trim_end_matches("_total"));
        families.map(str::to_owned).collect()
    };
    let page = office.read("/metrics").await;
    let found = names(&page);
    assert!(found.is_sorted(), "{found:?}");
    assert_eq!(page, office.read("/metrics").await);
}
