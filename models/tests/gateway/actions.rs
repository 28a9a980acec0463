//! What becomes of a request besides being forwarded: splits, redirects, rewriting, mirrors.

use std::collections::BTreeMap;

use http::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use windtunnel_models::gateway::{End, MirrorEnd};
use windtunnel_models::http::full;

use crate::world::*;

/// Routes over upstreams, each with one endpoint.
async fn stage(upstreams: &[(&str, &Endpoint)], routes: Value) -> Stage {
    let upstreams: BTreeMap<_, _> = upstreams
        .iter()
        .map(|(name, endpoint)| {
            let endpoints = [endpoint.address.to_string()];
            (*name, json!({"endpoints": endpoints}))
        })
        .collect();
    Stage::new(json!({"name": "edge", "upstreams": upstreams, "routes": routes})).await
}

/// Two upstreams, `a` and `b`, that share the requests.
async fn two(split: Value) -> (Endpoint, Endpoint, Stage) {
    let (a, b) = (
        Endpoint::answering("a").await,
        Endpoint::answering("b").await,
    );
    let routes = json!([{"name": "all", "split": split}]);
    let stage = stage(&[("a", &a), ("b", &b)], routes).await;
    (a, b, stage)
}

fn shares(a: u32, b: u32) -> Value {
    json!([{"upstream": "a", "weight": a}, {"upstream": "b", "weight": b}])
}

#[tokio::test]
async fn a_canary_gets_its_share_exactly_and_weight_zero_gets_nothing() {
    for (weights, expected) in [((99, 1), 10), ((1, 0), 0), ((3, 1), 250), ((0, 7), 1000)] {
        let (_a, b, stage) = two(json!({"to": shares(weights.0, weights.1)})).await;
        for _ in 0..1000 {
            assert_eq!(stage.get("/").await.status(), 200);
        }
        // To a tenth of a point of a thousand requests, which is one.
        assert!(
            b.count().abs_diff(expected) <= 1,
            "{weights:?}: {}",
            b.count()
        );
    }
}

#[tokio::test]
async fn a_split_without_any_weight_is_answered_with_500() {
    let (a, b, stage) = two(json!({"to": shares(0, 0)})).await;
    let answer = stage.get("/").await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["x-refused-by"], "edge; no-upstream");
    assert_eq!((a.count(), b.count()), (0, 0));
}

#[tokio::test]
async fn a_sticky_split_keeps_each_client_where_it_was_and_has_its_shares() {
    for (sticky, header) in [
        (json!({"header": "x-user"}), "x-user"),
        (json!({"cookie": "user"}), "cookie"),
    ] {
        let (a, b, stage) = two(json!({"to": shares(1, 1), "sticky": sticky})).await;
        let mut at_b = 0;
        for user in 0..200 {
            let mut served = Vec::new();
            for _ in 0..3 {
                let value = format!("user={user}");
                let request = Request::get(stage.url("/")).header(header, value);
                let answer = stage.send(request.body(full("")).unwrap()).await;
                served.push(answer.into_body());
            }
            assert!(served.windows(2).all(|two| two[0] == two[1]), "{user}");
            at_b += usize::from(served[0] == "b");
        }
        assert!((70..=130).contains(&at_b), "{at_b} of 200");
        let (before_a, before_b) = (a.count(), b.count());
        for _ in 0..100 {
            stage.get("/").await;
        }
        // Who sends nothing to stick to is dealt out.
        assert!((49..=51).contains(&(a.count() - before_a)));
        assert!((49..=51).contains(&(b.count() - before_b)));
    }
}

#[tokio::test]
async fn a_redirect_keeps_what_it_does_not_change_and_asks_nobody() {
    let endpoint = Endpoint::answering("").await;
    let routes = json!([
        {"name": "moved", "matches": [{"path": {"prefix": "/old"}}],
         "redirect": {"path": {"prefix": "/new"}, "status": 308}},
        {"name": "secure", "matches": [{"path": {"prefix": "/login"}}],
         "redirect": {"scheme": "https"}},
        {"name": "all", "upstream": "main"},
    ]);
    let stage = stage(&[("main", &endpoint)], routes).await;
    let answer = stage.get("/old/a?q=1").await;
    assert_eq!(answer.status(), 308);
    let expected = format!("http://{}/new/a?q=1", stage.address);
    assert_eq!(answer.headers()["location"], expected);
    let answer = stage.get("/login").await;
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "https://127.0.0.1/login");
    assert_eq!(endpoint.count(), 0);
    let seen = stage.witness.request(2).await;
    assert_eq!(
        (seen.status, seen.attempts, seen.end),
        (Some(302), 0, End::Complete)
    );
}

#[tokio::test]
async fn an_answer_of_the_gateways_own_is_as_configured_and_needs_its_key() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["keys"] = json!({"staff": {"root": "sesame"}});
    config["routes"] = json!([
        {"name": "robots", "matches": [{"path": {"exact": "/robots.txt"}}],
         "respond": {"status": 200, "body": "no", "headers": {"content-type": "text/plain"}}},
        {"name": "secret", "keys": "staff", "respond": {"status": 200, "body": "yes"}},
    ]);
    let stage = Stage::new(config).await;
    let answer = stage.get("/robots.txt").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"no"[..])
    );
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(stage.get("/").await.status(), 401);
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn host_path_and_headers_are_rewritten_and_the_trail_tells_what_was_asked() {
    let endpoint = Endpoint::start(|_, _| async {
        let answer = Response::builder()
            .header("server", "secret/1.0")
            .header("x-both", "theirs");
        answer.body(full("")).unwrap()
    })
    .await;
    let routes = json!([{
        "name": "all", "upstream": "main", "matches": [{"path": {"prefix": "/shop"}}],
        "rewrite": {"host": "internal:8080", "path": {"prefix": "/v1"}},
        "request-headers": {"remove": ["x-debug"], "set": {"x-env": "prod"}, "add": {"x-tag": "b"}},
        "response-headers": {"remove": ["server"], "add": {"x-both": "ours"}},
    }]);
    let stage = stage(&[("main", &endpoint)], routes).await;
    let request = Request::get(stage.url("/shop/a/b?c=d"))
        .header("x-debug", "1")
        .header("x-env", "test")
        .header("x-tag", "a");
    let answer = stage.send(request.body(full("")).unwrap()).await;
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.target, "/v1/a/b?c=d");
    assert_eq!(asked.header("host"), "internal:8080");
    assert_eq!(asked.header("x-forwarded-host"), "127.0.0.1");
    assert!(!asked.headers.contains_key("x-debug"));
    assert_eq!(asked.header("x-env"), "prod");
    let all = |headers: &http::HeaderMap, name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(all(&asked.headers, "x-tag"), ["a", "b"]);
    assert!(!answer.headers().contains_key("server"));
    assert_eq!(all(answer.headers(), "x-both"), ["theirs", "ours"]);
    assert_eq!(stage.witness.request(1).await.path, "/shop/a/b");
}

#[tokio::test]
async fn a_regular_expression_has_to_fit_the_whole_value() {
    let endpoint = Endpoint::answering("").await;
    let routes = json!([
        {"name": "orders", "upstream": "main",
         "matches": [{"path": {"regex": "/orders/[0-9]+|/o"}}]},
        {"name": "beta", "upstream": "main",
         "matches": [{"header-patterns": {"x-version": "2\\..*"}}]},
        {"name": "page", "upstream": "main", "matches": [{"query-patterns": {"page": "[0-9]+"}}]},
    ]);
    let stage = stage(&[("main", &endpoint)], routes).await;
    for (target, version, expected) in [
        ("/orders/17", "", Some("orders")),
        ("/o", "", Some("orders")),
        ("/orders/17a", "", None),
        ("/x/orders/17", "", None),
        ("/ooo", "", None),
        ("/", "2.1", Some("beta")),
        ("/", "12.1", None),
        ("/?page=%31", "", Some("page")),
        ("/?page=1b", "", None),
    ] {
        let request = Request::get(stage.url(target)).header("x-version", version);
        let count = stage.witness.requests(0).await.len();
        stage.send(request.body(full("")).unwrap()).await;
        let seen = stage.witness.request(count + 1).await;
        assert_eq!(seen.route.as_deref(), expected, "{target} {version}");
    }
}

/// A primary and a mirror of it.
async fn mirrored(shadow: &Endpoint, mirror: Value) -> (Endpoint, Stage) {
    let main = Endpoint::answering("main").await;
    let mut mirror = mirror;
    mirror["upstream"] = json!("shadow");
    let routes = json!([{"name": "all", "upstream": "main", "mirror": [mirror]}]);
    let stage = stage(&[("main", &main), ("shadow", shadow)], routes).await;
    (main, stage)
}

#[tokio::test]
async fn a_mirror_gets_a_copy_of_reads_and_its_answer_goes_nowhere() {
    let shadow = Endpoint::failing(500).await;
    let (main, stage) = mirrored(&shadow, json!({})).await;
    let answer = stage.get("/a?b=c").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"main"[..])
    );
    let ended = stage.witness.mirrored(1).await;
    assert_eq!(
        ended,
        [(
            "shadow".to_owned(),
            MirrorEnd::Answered(http::StatusCode::INTERNAL_SERVER_ERROR)
        )]
    );
    let (original, copy) = (&main.asked()[0], &shadow.asked()[0]);
    assert_eq!(
        (&copy.method, &copy.target),
        (&original.method, &original.target)
    );
    assert_eq!(copy.header("x-mirrored-by"), "edge");
    assert!(!original.headers.contains_key("x-mirrored-by"));
    // One trace, and a span of its own for each.
    let (one, other) = (original.header("traceparent"), copy.header("traceparent"));
    assert_eq!(one[..35], other[..35]);
    assert_ne!(one, other);
    // Writes are not copied: they would happen twice.
    assert_eq!(stage.post("/", "order").await.status(), 200);
    assert_eq!(stage.get("/last").await.status(), 200);
    stage.witness.mirrored(2).await;
    assert_eq!(shadow.count(), 2);
}

#[tokio::test]
async fn a_mirror_of_writes_gets_the_whole_body() {
    let shadow = Endpoint::answering("").await;
    let (main, stage) = mirrored(&shadow, json!({"unsafe-methods": true})).await;
    assert_eq!(stage.post("/", "order").await.status(), 200);
    stage.witness.mirrored(1).await;
    assert_eq!(shadow.asked()[0].body, "order");
    assert_eq!(main.asked()[0].body, "order");
}

#[tokio::test]
async fn a_mirror_that_hangs_or_is_gone_costs_the_request_nothing() {
    let never = Endpoint::start(|_, _| std::future::pending()).await;
    let (main, stage) = mirrored(&never, json!({"max-in-flight": 2, "deadline": "300ms"})).await;
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(stage.get("/").await.status(), 200);
    }
    assert!(began.elapsed().as_millis() < 250, "{:?}", began.elapsed());
    let ends: Vec<_> = stage
        .witness
        .mirrored(5)
        .await
        .into_iter()
        .map(|told| told.1)
        .collect();
    // Two hang until their deadline, the others find no room.
    let full = ends
        .iter()
        .filter(|end| **end == MirrorEnd::Skipped("full"));
    assert_eq!(full.count(), 3, "{ends:?}");
    let late = ends
        .iter()
        .filter(|end| **end == MirrorEnd::Failed("deadline"));
    assert_eq!(late.count(), 2, "{ends:?}");
    // Their places are free again.
    assert_eq!(stage.get("/").await.status(), 200);
    let last = stage.witness.mirrored(6).await.pop().unwrap();
    assert_eq!(last.1, MirrorEnd::Failed("deadline"));
    assert_eq!(main.count(), 6);
    drop(never);
    assert_eq!(stage.get("/").await.status(), 200);
    assert!(matches!(
        stage.witness.mirrored(7).await[6].1,
        MirrorEnd::Failed(_)
    ));
}

#[tokio::test]
async fn a_mirror_gets_its_share_and_outlives_a_caller_that_leaves() {
    let shadow = Endpoint::answering("").await;
    let (main, stage) = mirrored(&shadow, json!({"share": 0.2})).await;
    for _ in 0..500 {
        assert_eq!(stage.get("/").await.status(), 200);
    }
    stage.witness.mirrored(99).await;
    assert_eq!(main.count(), 500);
    assert!(shadow.count().abs_diff(100) <= 1, "{}", shadow.count());
}

#[tokio::test]
async fn a_copy_is_sent_although_the_caller_leaves_while_the_primary_thinks() {
    let thinking = std::sync::Arc::new(Notify::new());
    let told = thinking.clone();
    let main = Endpoint::start(move |_, _| {
        told.notify_one();
        std::future::pending()
    })
    .await;
    let shadow = Endpoint::answering("").await;
    let routes = json!([{"name": "all", "upstream": "main", "mirror": [{"upstream": "shadow"}]}]);
    let stage = stage(&[("main", &main), ("shadow", &shadow)], routes).await;
    {
        let asking = stage.get("/");
        tokio::pin!(asking);
        tokio::select! {
            biased;
            _ = &mut asking => panic!("the primary never answers"),
            () = thinking.notified() => {}
        }
    }
    stage.witness.mirrored(1).await;
    assert_eq!(stage.witness.request(1).await.end, End::CallerLeft);
    assert_eq!(shadow.count(), 1);
}
