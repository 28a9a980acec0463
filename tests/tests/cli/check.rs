//! `check`: all mistakes at once.

use crate::json;
use windtunnel_tests::program::{scratch, windtunnel};

#[test]
fn check_reports_every_mistake_with_its_place_and_what_would_be_right() {
    let at = scratch("check");
    let text = r#"format = 1
name = "five mistakes"
[run]
duration = "30 parsecs"
[services.front]
replica = 2
[services.back]
calls = [{ to = "frnt" }]
[[faults]]
id = "cut"
inject = { crush = { target = "front" } }
[[checks]]
id = "rule"
rule = { always = "sum(sold) <=" }
"#;
    std::fs::write(at.join("five.toml"), text).expect("written");
    let output = windtunnel(&at, &["check", "five.toml", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let problems = json(&output)["problems"]
        .as_array()
        .expect("a list")
        .clone();
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| problem["line"].as_u64())
        .collect();
    assert_eq!(lines, [4, 6, 8, 11, 14].map(Some), "{problems:#?}");
    let all = serde_json::to_string(&problems).expect("JSON");
    for right in ["ns, us, ms, s, m, h, d", "replicas", "front", "crash"] {
        assert!(all.contains(right), "`{right}` is not proposed: {all}");
    }
}
