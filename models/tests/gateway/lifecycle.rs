//! Changes under traffic: endpoints, configuration, dead connections, shutdown.

use std::sync::Arc;

use http::{Request, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::spawn;
use tokio::time::timeout;
use windtunnel_models::gateway::{Config, End, UpdateError};
use windtunnel_models::http::{self as wire, Drained, full};

use crate::world::*;

#[tokio::test]
async fn a_removed_endpoint_gets_no_further_request() {
    let old = Endpoint::answering("old").await;
    let new = Endpoint::answering("new").await;
    let stage = Stage::before(&old).await;
    assert_eq!(stage.get("/").await.body(), "old");
    stage
        .gateway
        .update_endpoints("main", &[new.address.to_string().into()])
        .unwrap();
    for _ in 0..5 {
        assert_eq!(stage.get("/").await.body(), "new");
    }
    assert_eq!(old.count(), 1);
}

#[tokio::test]
async fn an_empty_list_is_an_error_and_the_last_good_one_stays() {
    let endpoint = Endpoint::answering("still").await;
    let stage = Stage::before(&endpoint).await;
    let empty = stage.gateway.update_endpoints("main", &[]);
    assert!(matches!(empty, Err(UpdateError::BadList(_))), "{empty:?}");
    let unknown = stage.gateway.update_endpoints("other", &["a:80".into()]);
    assert_eq!(
        unknown,
        Err(UpdateError::UnknownUpstream("other".to_owned()))
    );
    assert_eq!(stage.get("/").await.body(), "still");
}

#[tokio::test]
async fn round_robin_spreads_evenly() {
    let endpoints = [Endpoint::answering("").await, Endpoint::answering("").await];
    let stage = Stage::new(config(&[endpoints[0].address, endpoints[1].address])).await;
    for _ in 0..10 {
        stage.get("/").await;
    }
    assert_eq!(endpoints.each_ref().map(Endpoint::count), [5, 5]);
}

#[tokio::test]
async fn power_of_two_avoids_the_endpoint_that_is_busy() {
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    let slow = Endpoint::start(move |_, _| {
        let gate = opened.clone();
        async move {
            gate.notified().await;
            Response::new(full("slow"))
        }
    })
    .await;
    let quick = Endpoint::answering("quick").await;
    let mut config = config(&[slow.address, quick.address]);
    config["upstreams"]["main"]["balance"] = json!("power-of-two");
    let stage = Stage::new(config).await;
    // Ask until one request hangs at the slow endpoint; from then on the quick one has less to do.
    let mut hanging = Vec::new();
    while slow.count() == 0 {
        let (client, url) = (stage.client.clone(), stage.url("/"));
        let call = spawn(async move {
            client
                .call(Request::get(url).body(full("")).unwrap(), soon(), 100)
                .await
                .unwrap()
        });
        let asked = hanging.len() + 1;
        tokio::select! {
            biased;
            () = slow.asked_times(1) => {}
            () = quick.asked_times(asked) => {}
        }
        hanging.push(call);
    }
    let quick_ones = hanging.len() - 1;
    stage.witness.requests(quick_ones).await;
    for _ in 0..10 {
        assert_eq!(stage.get("/").await.body(), "quick");
    }
    gate.notify_one();
    assert_eq!(hanging.pop().unwrap().await.unwrap().body(), "slow");
}

#[tokio::test]
async fn a_reload_changes_the_next_request_and_not_the_one_under_way() {
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    let old = Endpoint::start(move |_, _| {
        let gate = opened.clone();
        async move {
            gate.notified().await;
            Response::new(full("old"))
        }
    })
    .await;
    let new = Endpoint::answering("new").await;
    let stage = Stage::before(&old).await;
    let (client, url) = (stage.client.clone(), stage.url("/"));
    let under_way = spawn(async move {
        client
            .call(Request::get(url).body(full("")).unwrap(), soon(), 100)
            .await
            .unwrap()
    });
    old.asked_times(1).await;
    let mut changed = config(&[old.address]);
    changed["upstreams"]["next"] = json!({"endpoints": [new.address.to_string()]});
    changed["routes"] = json!([{"name": "next", "upstream": "next"}]);
    let changed: Config = serde_json::from_value(changed).unwrap();
    stage.gateway.reload(changed).unwrap();
    assert_eq!(stage.get("/").await.body(), "new");
    gate.notify_one();
    assert_eq!(under_way.await.unwrap().body(), "old");
    assert!(stage.gateway.reload(Config::default()).is_err());
    assert_eq!(stage.get("/").await.body(), "new");
}

#[tokio::test]
async fn a_reload_keeps_an_open_breaker_open() {
    let sick = Endpoint::failing(500).await;
    let mut config = config(&[sick.address]);
    config["upstreams"]["main"]["breaker"] = json!({"consecutive-failures": 1, "open-for": "1m"});
    let stage = Stage::new(config.clone()).await;
    assert_eq!(stage.get("/").await.status(), 500);
    config["deadline"] = json!("3s");
    stage
        .gateway
        .reload(serde_json::from_value(config).unwrap())
        .unwrap();
    assert_eq!(stage.get("/").await.status(), 503);
    assert_eq!(sick.count(), 1);
}

#[tokio::test]
async fn an_endpoint_that_restarts_between_two_requests_costs_none_of_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let first = spawn(wire::serve(listener, wire::Echo, async {
        stopped.await.unwrap_or(())
    }));
    let stage = Stage::new(config(&[address])).await;
    assert_eq!(stage.get("/").await.status(), 200);
    stop.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Drained { cut: 0 });
    let listener = TcpListener::bind(address).await.unwrap();
    let second = spawn(wire::serve(listener, wire::Echo, std::future::pending()));
    assert_eq!(stage.post("/", "again").await.body(), "again");
    second.abort();
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_request_at_the_endpoint_too() {
    let (entered, mut inside) = tokio::sync::mpsc::unbounded_channel::<oneshot::Receiver<()>>();
    let endpoint = Endpoint::start(move |_, _| {
        let entered = entered.clone();
        async move {
            let (alive, gone) = oneshot::channel();
            let _ = entered.send(gone);
            let forever = std::future::pending::<Response<wire::Body>>().await;
            drop(alive);
            forever
        }
    })
    .await;
    let stage = Stage::before(&endpoint).await;
    let (client, url) = (stage.client.clone(), stage.url("/"));
    let call = spawn(async move {
        client
            .call(Request::get(url).body(full("")).unwrap(), soon(), 100)
            .await
    });
    let gone = timeout(PATIENCE, inside.recv()).await.unwrap().unwrap();
    call.abort();
    assert!(
        timeout(PATIENCE, gone).await.unwrap().is_err(),
        "the endpoint still works"
    );
    let seen = stage.witness.request(1).await;
    assert_eq!(
        (seen.end, seen.status, seen.attempts),
        (End::CallerLeft, None, 1)
    );
}
