//! Which endpoint a request reaches: weights, hashes, priorities, and endpoints that are left out.

use std::time::Duration;

use http::Request;
use serde_json::{Value, json};
use tokio::time::sleep;
use windtunnel_models::http::full;

use crate::world::*;

/// A gateway before these endpoints, with one more setting of its upstream for each key.
async fn stage(endpoints: Value, settings: Value) -> Stage {
    let mut upstream = json!({"endpoints": endpoints});
    for (key, value) in settings.as_object().unwrap() {
        upstream[key] = value.clone();
    }
    Stage::new(json!({
        "name": "edge",
        "upstreams": {"main": upstream},
        "routes": [{"name": "all", "upstream": "main"}],
    }))
    .await
}

fn address(endpoint: &Endpoint) -> String {
    endpoint.address.to_string()
}

#[tokio::test]
async fn weights_are_shares_and_weight_zero_is_none() {
    for balance in [json!({"smooth-weighted": {}}), json!({"least-request": {}})] {
        let (a, b) = (Endpoint::answering("").await, Endpoint::answering("").await);
        let c = Endpoint::answering("").await;
        let endpoints = json!([
            {"address": address(&a), "weight": 3},
            address(&b),
            {"address": address(&c), "weight": 0},
        ]);
        let stage = stage(endpoints, json!({"balance": balance})).await;
        for _ in 0..40 {
            assert_eq!(stage.get("/").await.status(), 200);
        }
        assert_eq!((a.count(), b.count(), c.count()), (30, 10, 0), "{balance}");
    }
}

#[tokio::test]
async fn requests_of_one_user_go_to_one_endpoint_with_every_balancer_by_hash() {
    for balance in [
        json!({"ketama": {}}),
        json!({"ring": {"minimum": 1024}}),
        json!({"maglev": {"size": 65537}}),
        json!({"rendezvous": {"bound": 200}}),
    ] {
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(Endpoint::answering("").await);
        }
        let endpoints: Vec<_> = all.iter().map(address).collect();
        let settings = json!({"balance": balance, "hash": {"header": "x-user"}});
        let stage = stage(json!(endpoints), settings).await;
        let mut reached = 0;
        for user in 0..24 {
            let before: Vec<_> = all.iter().map(Endpoint::count).collect();
            for _ in 0..3 {
                let request = Request::get(stage.url("/")).header("x-user", user);
                stage.send(request.body(full("")).unwrap()).await;
            }
            let gained: Vec<_> = all
                .iter()
                .zip(&before)
                .map(|(e, was)| e.count() - was)
                .collect();
            assert!(gained.contains(&3), "{balance}, user {user}: {gained:?}");
        }
        reached += all.iter().filter(|endpoint| endpoint.count() > 0).count();
        assert_eq!(reached, 4, "{balance}: all have users");
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_out_and_comes_back() {
    let sick =
        Endpoint::start(|number, _| async move { status_only(if number < 3 { 500 } else { 200 }) })
            .await;
    let (a, b) = (Endpoint::answering("").await, Endpoint::answering("").await);
    let settings = json!({
        "balance": "round-robin",
        "outliers": {
            "consecutive-errors": 3, "interval": "200ms", "base-ejection": "500ms",
            "max-ejection-percent": 40,
        },
    });
    let endpoints = json!([address(&sick), address(&a), address(&b)]);
    let stage = stage(endpoints, settings).await;
    for _ in 0..30 {
        stage.get("/").await;
    }
    assert_eq!(sick.count(), 3, "no further request");
    let statuses = stage.witness.requests(30).await;
    let failed = statuses.iter().filter(|seen| seen.status == Some(500));
    assert_eq!(failed.count(), 3);
    assert_eq!(stage.witness.outliers(), ["ejected"]);
    sleep(Duration::from_millis(800)).await;
    for _ in 0..9 {
        assert_eq!(stage.get("/").await.status(), 200);
    }
    assert_eq!(sick.count(), 6, "its turn has come again");
    assert_eq!(stage.witness.outliers(), ["ejected", "returned"]);
}

#[tokio::test]
async fn the_second_priority_takes_over_when_the_first_is_left_out() {
    let first = Endpoint::failing(500).await;
    let second = Endpoint::answering("").await;
    let settings = json!({
        "outliers": {"consecutive-errors": 2, "max-ejection-percent": 100},
        "cluster": {"panic-threshold": 0},
    });
    let endpoints = json!([address(&first), {"address": address(&second), "priority": 1}]);
    let stage = stage(endpoints, settings).await;
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(stage.get("/").await.status().as_u16());
    }
    assert_eq!(statuses[..2], [500, 500]);
    assert_eq!(statuses[2..], [200; 8]);
    assert_eq!(second.count(), 8);
}

#[tokio::test]
async fn an_endpoint_that_is_slow_is_avoided_by_its_latency() {
    let slow = Endpoint::start(|_, _| async {
        sleep(Duration::from_millis(300)).await;
        status_only(200)
    })
    .await;
    let (a, b) = (Endpoint::answering("").await, Endpoint::answering("").await);
    let settings = json!({"balance": {"peak-ewma": {"default-rtt": "10ms"}}});
    let endpoints = json!([address(&slow), address(&a), address(&b)]);
    let stage = stage(endpoints, settings).await;
    for _ in 0..60 {
        assert_eq!(stage.get("/").await.status(), 200);
    }
    // Even turns would be twenty.
    assert!(slow.count() <= 5, "{}", slow.count());
}

#[tokio::test]
async fn a_reload_that_brings_priorities_is_heeded() {
    let (first, second) = (Endpoint::answering("").await, Endpoint::answering("").await);
    let config = |priority: u32| {
        let endpoints = json!([
            address(&first), {"address": address(&second), "priority": priority},
        ]);
        json!({
            "upstreams": {"main": {"endpoints": endpoints, "balance": "round-robin"}},
            "routes": [{"name": "all", "upstream": "main"}],
        })
    };
    let stage = Stage::new(config(0)).await;
    let reloaded = serde_json::from_value(config(1)).unwrap();
    stage.gateway.reload(reloaded).unwrap();
    for _ in 0..4 {
        assert_eq!(stage.get("/").await.status(), 200);
    }
    assert_eq!((first.count(), second.count()), (4, 0));
}
