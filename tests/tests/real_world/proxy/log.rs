//! The access log of the program: on standard output, or in a file that may be taken away.

use super::stage::{Stage, everything_to, service};
use crate::program::{PATIENCE, client, get};
use serde_json::Value;
use std::{fs, path::Path, time::Duration};
use tokio::time::{sleep, timeout};

/// Waits until a file has a line with `text`.
async fn has(file: &Path, text: &str) {
    let poll = async {
        while !fs::read_to_string(file).is_ok_and(|log| log.contains(text)) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let has = timeout(PATIENCE, poll).await;
    assert!(has.is_ok(), "{} has no {text}", file.display());
}

#[tokio::test]
async fn every_request_is_a_line_of_json_on_standard_output() {
    let (service, _) = service("one").await;
    let mut stage = Stage::start("log-json", |_| {}, &everything_to(service, "")).await;
    let answer = get(&client(), &stage.url("/told?secret=1")).await;
    assert!(answer.is_ok(), "{answer:?}");
    let line = stage.running.out.next().await.expect("a line");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    let endpoint = service.to_string();
    for (field, value) in [
        ("client", "127.0.0.1"),
        ("method", "GET"),
        ("host", "127.0.0.1"),
        ("path", "/told"),
        ("route", "all"),
        ("upstream", "all"),
        ("endpoint", &*endpoint),
        ("end", "complete"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(
        (&line["status"], &line["attempts"]),
        (&200.into(), &1.into())
    );
    let time = line["time"].as_str().expect("a text");
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    // What was written last is not lost by the end.
    let answer = get(&client(), &stage.url("/last")).await;
    assert!(answer.is_ok(), "{answer:?}");
    stage.running.terminate();
    stage.running.out.find("\"path\":\"/last\"").await;
    assert_eq!(stage.running.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_begun_anew_at_a_reload() {
    let (service, _) = service("one").await;
    let log = "access-log = { to = { file = \"access.log\" }, format = \"text\" }\n";
    let text = format!("{log}{}", everything_to(service, ""));
    let mut stage = Stage::start("log-file", |_| {}, &text).await;
    let file = stage.at.join("access.log");
    let ask = async |path: &str| {
        let answer = get(&client(), &stage.url(path)).await;
        assert!(answer.is_ok(), "{answer:?}");
    };
    ask("/first").await;
    has(&file, " path=/first ").await;
    let old = stage.at.join("access.log.1");
    fs::rename(&file, &old).expect("renamed");
    ask("/second").await;
    has(&old, " path=/second ").await;
    stage.hang_up().await;
    let created = async {
        while !file.exists() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, created).await.expect("it is begun anew");
    let answer = get(&client(), &stage.url("/third")).await;
    assert!(answer.is_ok(), "{answer:?}");
    has(&file, " path=/third ").await;
    let old = fs::read_to_string(&old).expect("text");
    assert!(!old.contains("/third"), "{old}");
}
