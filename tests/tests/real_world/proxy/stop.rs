//! How a gateway ends: readiness first, then the listener, and nobody is cut in half.

use super::stage::{Stage, everything_to, service};
use crate::program::{PATIENCE, client, get};
use http::StatusCode;
use tokio::time::timeout;

const DELAY: &str = "shutdown = { delay = \"3s\", grace = \"30s\" }\n";

#[tokio::test]
async fn readiness_ends_before_the_listener_and_open_requests_are_finished() {
    let (service, waiting) = service("one").await;
    let text = format!("{DELAY}{}", everything_to(service, ""));
    let mut stage = Stage::start("stop-ready", |_| {}, &text).await;
    let url = stage.url("/waiting");
    let asking = tokio::spawn(async move { get(&client(), &url).await });
    let arrived = timeout(PATIENCE, waiting.arrived.notified()).await;
    arrived.expect("the request arrived");
    stage.running.terminate();
    stage.becomes_ready(StatusCode::SERVICE_UNAVAILABLE).await;
    // It still takes what a balancer sends that has not noticed.
    let late = get(&client(), &stage.url("/told")).await;
    assert_eq!(late.expect("an answer").status(), StatusCode::OK);
    assert_eq!(stage.asked("/live").await.0, StatusCode::OK);
    waiting.go.notify_one();
    let answer = asking.await.expect("no panic").expect("an answer");
    assert_eq!(answer.body(), "waited");
    assert!(stage.running.err.find("drained").await.contains("cut=0"));
    assert_eq!(stage.running.ended().await.code(), Some(0));
}

#[tokio::test]
async fn an_order_to_drain_ends_it_as_a_signal_does() {
    let (service, waiting) = service("one").await;
    let mut stage = Stage::start("stop-order", |_| {}, &everything_to(service, "")).await;
    let url = stage.url("/waiting");
    let asking = tokio::spawn(async move { get(&client(), &url).await });
    let arrived = timeout(PATIENCE, waiting.arrived.notified()).await;
    arrived.expect("the request arrived");
    assert_eq!(stage.ordered("/drain").await.0, StatusCode::ACCEPTED);
    stage.becomes_ready(StatusCode::SERVICE_UNAVAILABLE).await;
    waiting.go.notify_one();
    let answer = asking.await.expect("no panic").expect("an answer");
    assert_eq!(answer.body(), "waited");
    assert_eq!(stage.running.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_is_cut() {
    let (service, waiting) = service("one").await;
    let grace = "shutdown = { grace = \"100ms\" }\n";
    let text = format!("{grace}{}", everything_to(service, ""));
    let mut stage = Stage::start("stop-grace", |_| {}, &text).await;
    let url = stage.url("/waiting");
    let asking = tokio::spawn(async move { get(&client(), &url).await });
    let arrived = timeout(PATIENCE, waiting.arrived.notified()).await;
    arrived.expect("the request arrived");
    stage.running.terminate();
    assert!(stage.running.err.find("drained").await.contains("cut=1"));
    assert!(asking.await.expect("no panic").is_err(), "it was cut");
    assert_eq!(stage.running.ended().await.code(), Some(0));
}
