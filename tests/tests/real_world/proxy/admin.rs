//! The operator's door of the program.

use super::stage::{Stage, everything_to, service};
use crate::program::{client, get};
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn the_operator_sees_what_is_in_force_and_no_secret() {
    let (service, _) = service("one").await;
    let keys = "keys = { partners = { acme = \"s3cr3t-key-of-acme\" } }\n";
    let text = format!("{keys}{}", everything_to(service, "breaker = {}"));
    let stage = Stage::start("admin-sees", |_| {}, &text).await;
    let answer = get(&client(), &stage.url("/told")).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    let (status, config) = stage.asked("/config").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!config.contains("s3cr3t"), "{config}");
    let config: Value = serde_json::from_str(&config).expect("JSON");
    assert_eq!(config["keys"]["partners"]["acme"], "(hidden)");
    assert_eq!(config["deadline"], "15s");
    assert_eq!(config["upstreams"]["all"]["breaker"]["open-for"], "5s");
    let (_, endpoints) = stage.asked("/endpoints").await;
    let endpoints: Value = serde_json::from_str(&endpoints).expect("JSON");
    let first = &endpoints[0];
    assert_eq!(first["upstream"], "all");
    assert_eq!(first["endpoint"], service.to_string());
    assert_eq!(first["breaker"], "closed");
    assert_eq!(
        (&first["in-flight"], &first["ejected"]),
        (&json!(0), &json!(false))
    );
    let (_, stats) = stage.asked("/stats").await;
    let stats: Value = serde_json::from_str(&stats).expect("JSON");
    let requests = stats["gateway_requests"].as_array().expect("a list");
    let expected = json!({ "route": "all", "status": "2xx", "value": 1 });
    assert!(requests.contains(&expected), "{requests:?}");
    let took = &stats["gateway_request_duration_seconds"][0];
    assert_eq!(took["count"], 1);
    assert!(took["p99"].as_f64().is_some_and(|p99| p99 > 0.0), "{took}");
    assert_eq!(stage.asked("/nowhere").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        stage.asked("/drain").await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        stage.asked("/ready").await.0,
        StatusCode::OK,
        "it was not told to drain"
    );
}
