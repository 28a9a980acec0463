//! Whoever drops the gateway's future, at whatever await point, or the answer at whatever frame, leaves
//! nothing behind: every point is tried, one after the other.

use std::future::{Future, poll_fn};
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use windtunnel_models::gateway::{End, Outcome};
use windtunnel_models::http::{Body, full};

use crate::world::*;

/// More await points than any request here has.
const MOST: usize = 200;

/// Polls a future so many times at most; none if it is dropped then.
async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn all_of(body: Body) -> Bytes {
    body.collect().await.expect("a whole body").to_bytes()
}

/// Everything the gateway held for an attempt came back.
fn holds_nothing(stage: &Stage, when: &str) {
    let states = stage.gateway.endpoints();
    assert!(!states.is_empty());
    for state in states {
        assert_eq!(state.in_flight, 0, "{when}: {state:?}");
    }
    assert_eq!(stage.witness.permits(), 0, "{when}");
}

fn upload() -> Request<Body> {
    Request::put("http://edge/thing")
        .body(full("a body"))
        .unwrap()
}

/// Drops the call after no poll, after one, and so on, until one is not dropped any more: each is told
/// of once (but the one that never began), and holds nothing afterwards. How many points there were.
async fn at_every_point(stage: &Stage, expected: u16) -> usize {
    for polls in 0..MOST {
        let when = format!("after {polls} polls");
        let outcome = dropped_after(polls, stage.gateway.handle(upload())).await;
        let Some(response) = outcome else {
            holds_nothing(stage, &when);
            let seen = stage.witness.requests(polls).await;
            assert_eq!(seen.len(), polls, "{when}");
            assert!(seen.iter().all(|one| one.end == End::CallerLeft), "{when}");
            continue;
        };
        assert_eq!(response.status(), expected);
        all_of(response.into_body()).await;
        holds_nothing(stage, "at the end");
        let seen = stage.witness.requests(polls).await;
        assert_eq!(seen.len(), polls);
        assert_eq!(seen.last().unwrap().end, End::Complete);
        return polls;
    }
    panic!("it never ends");
}

async fn drops(mut config: Value, changed: impl FnOnce(&mut Value), expected: u16) {
    changed(&mut config);
    let stage = Stage::new(config).await;
    let points = at_every_point(&stage, expected).await;
    assert!(points > 1, "it never waited");
    // And the next one finds everything as the first did.
    let response = stage.gateway.handle(upload()).await;
    assert_eq!(response.status(), expected);
}

#[tokio::test]
async fn a_request_dropped_at_any_await_point_is_told_of_once_and_holds_nothing() {
    let endpoint = Endpoint::answering("well").await;
    drops(config(&[endpoint.address]), |_| (), 200).await;
}

#[tokio::test]
async fn a_request_that_is_repeated_gives_back_every_attempt_at_any_await_point() {
    let endpoint = Endpoint::failing(503).await;
    let retry = json!({"attempts": 3, "base": "1ms", "cap": "1ms"});
    let with_retry = |config: &mut Value| config["routes"][0]["retry"] = retry;
    drops(config(&[endpoint.address]), with_retry, 503).await;
}

#[tokio::test]
async fn a_breaker_learns_nothing_from_requests_dropped_at_any_await_point() {
    let endpoint = Endpoint::answering("well").await;
    let mut config = config(&[endpoint.address]);
    config["upstreams"]["main"]["breaker"] = json!({"consecutive-failures": 1, "open-for": "1m"});
    let stage = Stage::new(config).await;
    let points = at_every_point(&stage, 200).await;
    assert!(points > 1, "it never waited");
    assert_eq!(stage.witness.changes(), Vec::<String>::new());
    let states = stage.gateway.endpoints();
    assert!(
        states.iter().all(|state| state.breaker == Some("closed")),
        "{states:?}"
    );
    let outcomes = stage.witness.outcomes(1).await;
    let (last, dropped) = outcomes.split_last().unwrap();
    assert!(matches!(last, Outcome::Succeeded(_)), "{last:?}");
    assert!(!dropped.is_empty(), "none was dropped under way");
    assert!(
        dropped.iter().all(|one| *one == Outcome::Cancelled),
        "{dropped:?}"
    );
}

#[tokio::test]
async fn an_answer_dropped_at_any_frame_gives_back_its_slot() {
    let endpoint = Endpoint::start(|_, _| async { Response::new(full("some bytes")) }).await;
    let stage = Stage::before(&endpoint).await;
    for frames in 0..MOST {
        let response = stage.gateway.handle(upload()).await;
        let mut body = response.into_body();
        let mut is_whole = false;
        for _ in 0..frames {
            match body.frame().await {
                Some(frame) => drop(frame.unwrap()),
                None => is_whole = true,
            }
        }
        drop(body);
        holds_nothing(&stage, &format!("after {frames} frames"));
        let seen = stage.witness.requests(frames + 1).await;
        assert_eq!(seen.len(), frames + 1);
        if is_whole {
            assert_eq!(seen[frames].end, End::Complete);
            assert_eq!(seen[0].end, End::CallerLeft);
            return;
        }
    }
    panic!("the answer never ends");
}
