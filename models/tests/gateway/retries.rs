//! What is sent again, and what never is.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::spawn;
use tokio::time::Instant;
use windtunnel_models::gateway::Outcome;
use windtunnel_models::http::full;

use crate::world::*;

fn with_retry(endpoints: &[std::net::SocketAddr], retry: Value) -> Value {
    let mut config = config(endpoints);
    config["routes"][0]["retry"] = retry;
    config
}

/// An endpoint that reads a request and resets or closes instead of answering, every time.
async fn rude() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
        }
    });
    address
}

#[tokio::test]
async fn an_idempotent_request_goes_to_another_endpoint_after_a_failure() {
    let sick = Endpoint::failing(503).await;
    let well = Endpoint::answering("fine").await;
    let retry = json!({"attempts": 2, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(with_retry(&[sick.address, well.address], retry)).await;
    for _ in 0..10 {
        let answer = stage.get("/").await;
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"fine"[..])
        );
    }
    assert_eq!(well.count(), 10);
    assert!(sick.count() > 0);
}

#[tokio::test]
async fn a_post_is_not_repeated_once_bytes_were_sent() {
    let endpoint = rude().await;
    let retry = json!({"attempts": 3, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(with_retry(&[endpoint], retry)).await;
    assert_eq!(stage.post("/", "once").await.status(), 502);
    assert_eq!(stage.witness.request(1).await.attempts, 1);
    let sick = Endpoint::failing(503).await;
    let retry = json!({"attempts": 3, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(with_retry(&[sick.address], retry)).await;
    assert_eq!(stage.post("/", "once").await.status(), 503);
    assert_eq!(sick.count(), 1);
}

#[tokio::test]
async fn a_post_with_an_idempotency_key_is_repeated_with_the_same_body_and_key() {
    let endpoint = Endpoint::start(|number, _| async move {
        if number == 0 {
            status_only(503)
        } else {
            Response::new(full("done"))
        }
    })
    .await;
    let retry = json!({"attempts": 2, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(with_retry(&[endpoint.address], retry)).await;
    let request = Request::post(stage.url("/")).header("idempotency-key", "k-1");
    assert_eq!(
        stage
            .send(request.body(full("charge")).unwrap())
            .await
            .body(),
        "done"
    );
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 2);
    for asked in &asked {
        assert_eq!(
            (&asked.body[..], asked.header("idempotency-key")),
            (&b"charge"[..], "k-1")
        );
    }
    assert_eq!(
        &asked[0].header("traceparent")[..36],
        &asked[1].header("traceparent")[..36]
    );
    assert_ne!(
        asked[0].header("traceparent"),
        asked[1].header("traceparent")
    );
}

#[tokio::test]
async fn a_post_is_repeated_when_no_byte_was_sent() {
    let nobody = deserted().await;
    let well = Endpoint::answering("fine").await;
    let retry = json!({"attempts": 2, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(with_retry(&[nobody, well.address], retry)).await;
    for _ in 0..4 {
        assert_eq!(stage.post("/", "once").await.body(), "fine");
    }
    assert_eq!(well.count(), 4);
    let refused = stage.witness.outcomes(5).await;
    assert!(refused.contains(&Outcome::Broken("connect-refused")));
}

#[tokio::test]
async fn a_body_larger_than_the_buffer_is_sent_once() {
    let sick = Endpoint::failing(503).await;
    let retry = json!({"attempts": 3, "base": "1ms", "cap": "1ms"});
    let mut config = with_retry(&[sick.address], retry);
    config["replay-buffer"] = json!(4);
    let stage = Stage::new(config).await;
    let put = |body: &'static str| Request::put(stage.url("/")).body(full(body)).unwrap();
    assert_eq!(stage.send(put("12345")).await.status(), 503);
    assert_eq!(sick.count(), 1);
    assert_eq!(stage.send(put("1234")).await.status(), 503);
    assert_eq!(sick.count(), 4);
}

#[tokio::test]
async fn the_budget_bounds_what_retries_may_cost_together() {
    let sick = Endpoint::failing(503).await;
    let retry = json!({"attempts": 2, "base": "1ms", "cap": "1ms"});
    let mut config = with_retry(&[sick.address], retry);
    config["upstreams"]["main"]["retry-budget"] =
        json!({"ratio": 0.2, "reserve-per-second": 0, "ttl": "1h"});
    let stage = Stage::new(config).await;
    for _ in 0..50 {
        assert_eq!(stage.get("/").await.status(), 503);
    }
    assert_eq!(sick.count(), 60, "one retry for five requests");
}

#[tokio::test]
async fn the_total_stays_within_the_deadline_however_many_attempts_are_allowed() {
    let endpoint = Endpoint::start(|_, _| std::future::pending()).await;
    let retry = json!({"attempts": 4, "base": "1ms", "cap": "1ms", "per-try-timeout": "40ms"});
    let mut config = with_retry(&[endpoint.address], retry);
    config["deadline"] = json!("160ms");
    let stage = Stage::new(config).await;
    let begun = Instant::now();
    assert_eq!(stage.get("/").await.status(), 504);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let attempts = stage.witness.request(1).await.attempts;
    assert!((2..=4).contains(&attempts), "{attempts}");
    for asked in endpoint.asked() {
        let left: u64 = asked.header("x-deadline-ms").parse().unwrap();
        assert!(left <= 40, "{left}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_more_patience_than_is_left_is_not_waited_for() {
    let endpoint = Endpoint::start(|_, _| async {
        Response::builder()
            .status(503)
            .header("retry-after", "60")
            .body(full(""))
            .unwrap()
    })
    .await;
    let retry = json!({"attempts": 3, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(with_retry(&[endpoint.address], retry)).await;
    let answer = stage.get("/").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "60");
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn what_another_gateway_refused_is_not_repeated() {
    let nobody = deserted().await;
    let inner = Stage::new(config(&[nobody])).await;
    let retry = json!({"attempts": 3, "base": "1ms", "cap": "1ms"});
    let outer = Stage::new(with_retry(&[inner.address], retry)).await;
    assert_eq!(outer.get("/").await.status(), 502);
    assert_eq!(inner.witness.requests(1).await.len(), 1);
    assert_eq!(outer.witness.request(1).await.attempts, 1);
}

#[tokio::test]
async fn an_answer_that_began_is_never_repeated() {
    let (endpoint, breaking) = Endpoint::breaking_off().await;
    let retry = json!({"attempts": 3, "base": "1ms", "cap": "1ms"});
    let stage = Stage::new(with_retry(&[endpoint.address], retry)).await;
    let request = Request::get(stage.url("/")).body(full("")).unwrap();
    let mut body = stage
        .client
        .send(request, soon())
        .await
        .unwrap()
        .into_body();
    let first = body.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "half");
    breaking.notify_one();
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(stage.witness.outcomes(1).await, [Outcome::Broken("body")]);
    assert_eq!(endpoint.count(), 1);
}
