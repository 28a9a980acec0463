//! Breakers: per endpoint, asked before a slot is spent, told exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::spawn;
use tokio::time::sleep;
use windtunnel_models::gateway::{End, Outcome};
use windtunnel_models::http::full;

use crate::world::*;

fn with_breaker(endpoints: &[std::net::SocketAddr], breaker: Value) -> Value {
    let mut config = config(endpoints);
    config["upstreams"]["main"]["breaker"] = breaker;
    config
}

#[tokio::test]
async fn an_open_breaker_answers_503_with_the_time_to_wait_and_asks_nobody() {
    let sick = Endpoint::failing(500).await;
    let breaker = json!({"consecutive-failures": 3, "open-for": "1m"});
    let stage = Stage::new(with_breaker(&[sick.address], breaker)).await;
    for _ in 0..3 {
        assert_eq!(stage.get("/").await.status(), 500);
    }
    let refused = stage.get("/").await;
    assert_eq!(refused.status(), 503);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((50..=67).contains(&wait), "{wait}");
    assert_eq!(sick.count(), 3);
    let seen = stage.witness.request(4).await;
    assert_eq!((seen.refusal, seen.attempts), (Some("breaker-open"), 0));
    assert_eq!(stage.witness.changes(), ["Open"]);
}

#[tokio::test]
async fn one_sick_endpoint_is_left_out_and_the_route_stays_open() {
    let sick = Endpoint::failing(500).await;
    let well = Endpoint::answering("fine").await;
    let breaker = json!({"consecutive-failures": 2, "open-for": "1m"});
    let stage = Stage::new(with_breaker(&[sick.address, well.address], breaker)).await;
    for _ in 0..20 {
        stage.get("/").await;
    }
    assert_eq!((sick.count(), well.count()), (2, 18));
}

#[tokio::test]
async fn client_errors_and_requests_for_patience_do_not_open_it() {
    for status in [400, 404, 409, 429] {
        let endpoint = Endpoint::failing(status).await;
        let breaker = json!({"consecutive-failures": 1, "open-for": "1m"});
        let stage = Stage::new(with_breaker(&[endpoint.address], breaker)).await;
        for _ in 0..3 {
            assert_eq!(stage.get("/").await.status(), status);
        }
    }
}

/// Fails until told to heal, then holds every request until the gate opens.
async fn healing() -> (Endpoint, Arc<AtomicBool>, watch::Sender<bool>) {
    let healed = Arc::new(AtomicBool::new(false));
    let (gate, opened) = watch::channel(false);
    let is_healed = healed.clone();
    let endpoint = Endpoint::start(move |_, _| {
        let (healed, mut opened) = (is_healed.clone(), opened.clone());
        async move {
            if !healed.load(Ordering::Relaxed) {
                return status_only(500);
            }
            let _ = opened.wait_for(|open| *open).await;
            Response::new(full("healed"))
        }
    })
    .await;
    (endpoint, healed, gate)
}

#[tokio::test]
async fn a_trial_that_succeeds_closes_it_and_only_one_runs_at_a_time() {
    let (endpoint, healed, gate) = healing().await;
    let breaker = json!({"consecutive-failures": 1, "open-for": "50ms"});
    let stage = Stage::new(with_breaker(&[endpoint.address], breaker)).await;
    assert_eq!(stage.get("/").await.status(), 500);
    healed.store(true, Ordering::Relaxed);
    sleep(Duration::from_millis(80)).await;
    let (client, url) = (stage.client.clone(), stage.url("/"));
    let trial = spawn(async move {
        client
            .call(Request::get(url).body(full("")).unwrap(), soon(), 100)
            .await
            .unwrap()
    });
    endpoint.asked_times(2).await;
    assert_eq!(
        stage.get("/").await.status(),
        503,
        "a second trial was let through"
    );
    gate.send_replace(true);
    assert_eq!(trial.await.unwrap().body(), "healed");
    stage.witness.outcomes(2).await;
    assert_eq!(stage.get("/").await.body(), "healed");
    assert_eq!(stage.witness.changes(), ["Open", "HalfOpen", "Closed"]);
}

#[tokio::test]
async fn a_trial_whose_caller_leaves_gives_its_slot_back() {
    let (endpoint, healed, gate) = healing().await;
    let breaker = json!({"consecutive-failures": 1, "open-for": "50ms", "trial-timeout": "1h"});
    let stage = Stage::new(with_breaker(&[endpoint.address], breaker)).await;
    assert_eq!(stage.get("/").await.status(), 500);
    healed.store(true, Ordering::Relaxed);
    sleep(Duration::from_millis(80)).await;
    for left in 0..3 {
        let request = Request::get(stage.url("/")).body(full("")).unwrap();
        let asked = stage.client.call(request, soon(), 100);
        tokio::select! {
            biased;
            answer = asked => panic!("answered: {answer:?}"),
            () = endpoint.asked_times(2 + left) => {}
        }
        let seen = stage.witness.request(2 + left).await;
        assert_eq!((seen.end, seen.status), (End::CallerLeft, None));
    }
    assert_eq!(
        stage.witness.outcomes(4).await[1..],
        [Outcome::Cancelled; 3]
    );
    gate.send_replace(true);
    let answer = stage.get("/").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"healed"[..])
    );
    assert_eq!(stage.witness.changes(), ["Open", "HalfOpen", "Closed"]);
}

#[tokio::test]
async fn a_body_that_breaks_off_counts_against_the_endpoint() {
    let (endpoint, breaking) = Endpoint::breaking_off().await;
    let breaker = json!({"consecutive-failures": 2, "open-for": "1m"});
    let stage = Stage::new(with_breaker(&[endpoint.address], breaker)).await;
    for count in 1..=2 {
        let request = Request::get(stage.url("/")).body(full("")).unwrap();
        let answer = stage.client.send(request, soon()).await.unwrap();
        assert_eq!(answer.status(), 200);
        breaking.notify_one();
        assert!(answer.into_body().collect().await.is_err());
        stage.witness.outcomes(count).await;
    }
    assert_eq!(stage.get("/").await.status(), 503);
    assert_eq!(stage.witness.changes(), ["Open"]);
}

#[tokio::test]
async fn a_refusal_by_the_breaker_is_not_retried() {
    let sick = Endpoint::failing(500).await;
    let breaker = json!({"consecutive-failures": 1, "open-for": "1m"});
    let mut config = with_breaker(&[sick.address], breaker);
    config["routes"][0]["retry"] = json!({"attempts": 5, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(config).await;
    assert_eq!(stage.get("/").await.status(), 500);
    assert_eq!(stage.get("/").await.status(), 503);
    assert_eq!(sick.count(), 1);
    assert_eq!(stage.witness.request(2).await.attempts, 0);
}
