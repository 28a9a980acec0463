//! What the gateway answers itself, and that no endpoint hears of it.

use http::Request;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use windtunnel_models::gateway::{Outcome, REFUSED_BY};
use windtunnel_models::http::full;

use crate::world::*;

#[tokio::test]
async fn without_a_route_the_answer_is_404_also_if_only_the_method_differs() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["routes"][0]["matches"] = json!([{"path": {"exact": "/a"}, "method": "GET"}]);
    let stage = Stage::new(config).await;
    assert_eq!(stage.get("/a").await.status(), 200);
    assert_eq!(stage.get("/a/b").await.status(), 404);
    let answer = stage.post("/a", "").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()[REFUSED_BY], "edge; no-route");
    assert_eq!(endpoint.count(), 1);
    let seen = stage.witness.request(3).await;
    assert_eq!((seen.refusal, seen.attempts), (Some("no-route"), 0));
}

#[tokio::test]
async fn hosts_are_compared_without_case_port_and_trailing_dot() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["routes"][0]["hosts"] = json!(["Shop.Example"]);
    let stage = Stage::new(config).await;
    for (host, status) in [
        ("SHOP.example.:8080", 200),
        ("shop.example", 200),
        ("shop", 404),
    ] {
        let request = Request::get(stage.url("/")).header("host", host);
        assert_eq!(
            stage.send(request.body(full("")).unwrap()).await.status(),
            status,
            "{host}"
        );
    }
}

#[tokio::test]
async fn an_api_key_opens_its_route_and_is_not_forwarded() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["keys"] = json!({"partners": {"acme": "s3cret"}});
    config["identity"] = json!("api-key");
    config["routes"][0]["keys"] = json!("partners");
    let stage = Stage::new(config).await;
    let with = |keys: &[&'static str]| {
        let mut request = Request::get(stage.url("/")).body(full("")).unwrap();
        for key in keys {
            request
                .headers_mut()
                .append("x-api-key", http::HeaderValue::from_static(key));
        }
        request
    };
    for wrong in [&[][..], &["s3cre"], &["S3CRET"], &["s3cret", "s3cret"]] {
        let answer = stage.send(with(wrong)).await;
        assert_eq!(answer.status(), 401, "{wrong:?}");
        assert!(answer.headers().contains_key("www-authenticate"));
    }
    assert_eq!(endpoint.count(), 0);
    assert_eq!(stage.send(with(&["s3cret"])).await.status(), 200);
    assert!(!endpoint.asked()[0].headers.contains_key("x-api-key"));
    assert_eq!(
        stage.witness.request(5).await.client.as_deref(),
        Some("acme")
    );
}

#[tokio::test]
async fn a_client_over_its_limit_gets_429_and_the_time_to_wait() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["limit"] = json!({"rate": "1/m", "burst": 2});
    config["trusted-hops"] = json!(1);
    let stage = Stage::new(config).await;
    let from = |client: &'static str| {
        let request = Request::get(stage.url("/")).header("x-forwarded-for", client);
        stage.send(request.body(full("")).unwrap())
    };
    assert_eq!(from("6.6.6.6, 198.51.100.1").await.status(), 200);
    assert_eq!(from("198.51.100.1:4711").await.status(), 200);
    let refused = from("198.51.100.1").await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((50..=60).contains(&wait), "{wait}");
    assert_eq!(from("198.51.100.2").await.status(), 200);
    assert_eq!(endpoint.count(), 3);
    assert_eq!(stage.witness.requests(4).await[2].refusal, Some("limited"));
}

#[tokio::test]
async fn a_client_over_its_limit_is_refused_before_its_key_is_looked_at() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["limit"] = json!({"rate": "1/h", "burst": 2});
    config["keys"] = json!({"partners": {"acme": "s3cret"}});
    config["routes"][0]["keys"] = json!("partners");
    let stage = Stage::new(config).await;
    let with = |key: &'static str| {
        let request = Request::get(stage.url("/")).header("x-api-key", key);
        stage.send(request.body(full("")).unwrap())
    };
    for guess in ["guess-1", "guess-2"] {
        assert_eq!(with(guess).await.status(), 401, "{guess}");
    }
    // Neither a wrong key nor the right one gets as far as the key check.
    for key in ["guess-3", "s3cret"] {
        let answer = with(key).await;
        assert_eq!(answer.status(), 429, "{key}");
        assert_eq!(answer.headers()[REFUSED_BY], "edge; limited");
    }
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn a_limit_of_one_route_leaves_the_others_alone() {
    let endpoint = Endpoint::answering("").await;
    let mut config = config(&[endpoint.address]);
    config["routes"] = json!([
        {"name": "rest", "upstream": "main"},
        {"name": "tight", "upstream": "main", "matches": [{"path": {"prefix": "/tight"}}],
         "limit": {"rate": "1/h"}},
    ]);
    let stage = Stage::new(config).await;
    assert_eq!(stage.get("/tight").await.status(), 200);
    assert_eq!(stage.get("/tight").await.status(), 429);
    assert_eq!(stage.get("/rest").await.status(), 200);
}

#[tokio::test]
async fn a_body_over_the_limit_gets_413_whether_announced_or_not() {
    let endpoint = Endpoint::answering("").await;
    for retry in [json!(null), json!({})] {
        let mut config = config(&[endpoint.address]);
        config["max-body"] = json!(4);
        config["routes"][0]["retry"] = retry;
        let stage = Stage::new(config).await;
        assert_eq!(stage.post("/", "1234").await.status(), 200);
        assert_eq!(stage.post("/", "12345").await.status(), 413);
        let raw = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
                   5\r\n12345\r\n0\r\n\r\n";
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut start))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&start, b"HTTP/1.1 413");
        let outcomes = stage.witness.outcomes(1).await;
        assert!(
            !outcomes.iter().any(|o| matches!(o, Outcome::Broken(_))),
            "{outcomes:?}"
        );
    }
}

#[tokio::test]
async fn a_deadline_that_passes_is_504() {
    let endpoint = Endpoint::start(|_, _| std::future::pending()).await;
    let mut config = config(&[endpoint.address]);
    config["deadline"] = json!("50ms");
    let stage = Stage::new(config).await;
    assert_eq!(stage.get("/").await.status(), 504);
    assert_eq!(
        stage.witness.outcomes(1).await,
        [Outcome::Broken("deadline")]
    );
}

#[tokio::test]
async fn a_deadline_that_passed_before_arrival_asks_nobody() {
    let endpoint = Endpoint::answering("").await;
    let stage = Stage::before(&endpoint).await;
    let request = Request::get(stage.url("/")).header("x-deadline-ms", "0");
    assert_eq!(
        stage.send(request.body(full("")).unwrap()).await.status(),
        504
    );
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_or_speaks_no_http_is_502() {
    let nobody = deserted().await;
    let stage = Stage::new(config(&[nobody])).await;
    assert_eq!(stage.get("/").await.status(), 502);
    assert_eq!(
        stage.witness.outcomes(1).await,
        [Outcome::Broken("connect-refused")]
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let noise = tokio::task::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 512];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"220 mail ready\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut request).await;
    });
    let stage = Stage::new(config(&[address])).await;
    assert_eq!(stage.get("/").await.status(), 502);
    assert_eq!(
        stage.witness.outcomes(1).await,
        [Outcome::Broken("protocol")]
    );
    noise.abort();
}
