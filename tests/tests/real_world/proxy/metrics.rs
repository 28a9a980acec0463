//! What Prometheus would read: a small parser that is strict about what must hold.

use super::stage::{Stage, everything_to, service};
use crate::program::{client, get};
use http::StatusCode;
use std::collections::{BTreeMap, BTreeSet};

/// Samples by name with labels, after everything was checked that must hold of the whole.
pub fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a kind");
            assert!(kinds.insert(name, kind).is_none(), "{name} comes twice");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (named, value) = line.rsplit_once(' ').expect("a sample has a value");
        let name = named.split('{').next().expect("a name");
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(!name.is_empty() && name.chars().all(word), "{line}");
        let histogram = ["_bucket", "_sum", "_count"].iter();
        let family = histogram.filter_map(|end| name.strip_suffix(end));
        let family = family.chain([name]).find(|name| kinds.contains_key(name));
        let kind = kinds[family.unwrap_or_else(|| panic!("no type before {line}"))];
        assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
        let value: f64 = value.parse().expect("a number");
        assert!(value >= 0.0, "{line}");
        let new = samples.insert(named.to_owned(), value).is_none();
        assert!(new, "{named} comes twice");
    }
    buckets(text, &samples);
    samples
}

/// Buckets are cumulative, and the last one is the count.
fn buckets(text: &str, samples: &BTreeMap<String, f64>) {
    let mut below: BTreeMap<String, f64> = BTreeMap::new();
    let mut whole = BTreeSet::new();
    for line in text.lines().filter(|line| line.contains("_bucket{")) {
        let (named, value) = line.rsplit_once(' ').expect("a value");
        let (of, bound) = named.split_once("le=\"").expect("a bound");
        let value: f64 = value.parse().expect("a number");
        let before = below.insert(of.to_owned(), value).unwrap_or(0.0);
        assert!(before <= value, "{line}");
        if bound.starts_with("+Inf") {
            let count = of.replace("_bucket{", "_count{").replace(",", "}");
            let count = count.trim_end_matches('{').to_owned();
            assert_eq!(samples[&count], value, "{line}");
            whole.insert(of.to_owned());
        }
    }
    assert_eq!(
        whole.len(),
        below.len(),
        "every histogram has its last bucket"
    );
}

#[tokio::test]
async fn metrics_parse_and_count_every_request_once() {
    let (service, _) = service("one").await;
    let more = "breaker = {}";
    let stage = Stage::start("metrics", |_| {}, &everything_to(service, more)).await;
    let client = client();
    for (path, status, count) in [
        ("/told", StatusCode::OK, 3),
        ("/nothing", StatusCode::NOT_FOUND, 2),
    ] {
        for _ in 0..count {
            let answer = get(&client, &stage.url(path)).await;
            assert_eq!(answer.expect("an answer").status(), status);
        }
    }
    let (status, text) = stage.asked("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let samples = parse(&text);
    let endpoint = service.to_string();
    for (name, value) in [
        (
            "gateway_requests_total{route=\"all\",status=\"2xx\"}".to_owned(),
            3.0,
        ),
        (
            "gateway_requests_total{route=\"all\",status=\"4xx\"}".to_owned(),
            2.0,
        ),
        (
            "gateway_request_duration_seconds_count{route=\"all\"}".to_owned(),
            5.0,
        ),
        (
            "gateway_attempts_total{upstream=\"all\",outcome=\"succeeded\"}".to_owned(),
            3.0,
        ),
        ("gateway_connections_open".to_owned(), 1.0),
        ("gateway_connections_total".to_owned(), 1.0),
        (
            format!("gateway_endpoint_in_flight{{upstream=\"all\",endpoint=\"{endpoint}\"}}"),
            0.0,
        ),
        (
            format!(
                "gateway_endpoint_breaker{{upstream=\"all\",endpoint=\"{endpoint}\",state=\"closed\"}}"
            ),
            1.0,
        ),
        ("gateway_ready".to_owned(), 1.0),
        ("gateway_access_log_dropped_total".to_owned(), 0.0),
    ] {
        assert_eq!(samples.get(&name), Some(&value), "{name}\n{text}");
    }
}
