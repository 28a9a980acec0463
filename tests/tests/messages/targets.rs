//! Scenarios that are not there, are wrong, or are changed in a wrong way.

use crate::said;
use insta::assert_snapshot;
use std::fs;
use windtunnel_tests::program::scratch;

const FIVE: &str = r#"format = 1
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

#[test]
fn five_mistakes_are_shown_with_their_places_and_what_would_be_right() {
    let at = scratch("messages-five");
    fs::write(at.join("five.toml"), FIVE).expect("written");
    assert_snapshot!("five_mistakes", said(&at, &["check", "five.toml"]));
}

#[test]
fn a_file_that_is_no_toml_is_shown_where_it_stops_to_be() {
    let at = scratch("messages-syntax");
    let text = "format = 1\nname = \"unfinished\n[services.front]\n";
    fs::write(at.join("unfinished.toml"), text).expect("written");
    assert_snapshot!("no_toml", said(&at, &["check", "unfinished.toml"]));
}

#[test]
fn a_scenario_that_is_not_there_is_answered_with_what_was_meant_or_those_that_are() {
    let at = scratch("messages-unknown");
    let all = ["shpo", "lost-and-found"].map(|target| said(&at, &["run", target]));
    assert_snapshot!("unknown_scenario", all.join("\n"));
}

#[test]
fn a_setting_that_leads_nowhere_is_answered_with_where_it_could_lead() {
    let at = scratch("messages-set");
    let small = r#"format = 1
name = "small"
services.payments.work = "1ms"
load = [{ name = "callers", via = "payments", stages = [{ for = "1s", rate = "1/s" }] }]
"#;
    fs::write(at.join("small.toml"), small).expect("written");
    let settings = [
        "services.paymnts.replicas=4",
        "services.payments.replicas",
        "services.payments.replica=4",
        "services.payments.replicas=many",
        "load.calers.timeout=2s",
    ];
    let all = settings.map(|setting| said(&at, &["run", "small.toml", "--set", setting]));
    assert_snapshot!("wrong_settings", all.join("\n"));
}
