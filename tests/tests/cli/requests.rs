//! `export`: what happened for one request of a run.

use crate::small;
use serde_json::Value;
use std::{fs, path::Path};
use windtunnel_record::Operation;
use windtunnel_tests::program::{complaint, scratch, windtunnel};

fn run(at: &Path, trace: &str) {
    let arguments = [
        "run",
        "small.toml",
        "--seed",
        "3",
        "--trace",
        trace,
        "--out",
        trace,
    ];
    let run = windtunnel(at, &arguments);
    assert_eq!(run.status.code(), Some(0), "{}", complaint(&run));
}

/// What `export` prints, what it says and how it ends.
fn export(at: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let export = windtunnel(at, &[&["export"], arguments].concat());
    let printed = String::from_utf8_lossy(&export.stdout).into_owned();
    (printed, complaint(&export), export.status.code())
}

/// The trace of an operation, as the history has it.
fn trace_of(at: &Path, directory: &str, operation: usize) -> String {
    let history = fs::read_to_string(at.join(directory).join("history.jsonl"));
    let history = history.expect("it is there");
    let line = history.lines().nth(operation).expect("so many operations");
    let operation: Value = serde_json::from_str(line).expect("JSON");
    operation["trace"].as_str().expect("it has one").into()
}

#[test]
fn a_request_is_told_by_its_number_its_trace_or_the_beginning_of_that() {
    let at = scratch("request");
    small(&at, "small.toml", "");
    run(&at, "packets");
    let trace = trace_of(&at, "packets", 7);
    let (told, said, code) = export(&at, &["packets", "--request", &trace]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said, "");
    for part in [
        "(operation 7): ok, 200 OK, after",
        &trace,
        "callers asked for GET / ",
        "front-0 began to serve a request of callers",
        "front-0 sent a request to back-0",
        "back-0 began to serve a request of front-0",
        "back-0 sent front-0",
        "(operation 7) succeeded: 200 OK",
    ] {
        assert!(
            told.contains(part) || part.contains("connect"),
            "{part}: {told}"
        );
    }
    assert!(!told.contains("(operation 8)"), "{told}");
    for named in [&trace[..8], &trace[..20], "7"] {
        assert_eq!(
            export(&at, &["packets", "--request", named]).0,
            told,
            "{named}"
        );
    }
    // The same run again, from its scenario.
    let (again, _, code) = export(&at, &["small.toml@3", "--request", "7"]);
    assert_eq!((again, code), (told, Some(0)));
}

#[test]
fn the_events_of_a_request_are_lines_of_the_log() {
    let at = scratch("request-lines");
    small(&at, "small.toml", "");
    run(&at, "packets");
    let trace = trace_of(&at, "packets", 0);
    let arguments = [
        "packets",
        "--request",
        "0",
        "--to",
        "jsonl",
        "--out",
        "one.jsonl",
    ];
    let (printed, said, code) = export(&at, &arguments);
    assert_eq!((&*printed, &*said, code), ("", "", Some(0)));
    let lines = fs::read_to_string(at.join("one.jsonl")).expect("written");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!(lines[0]["event"], "invoked");
    assert_eq!(lines[1]["trace"], trace);
    assert_eq!(of("request-sent"), of("request-received"));
    assert_eq!(of("request-sent"), 2);
    assert_eq!(of("connecting"), 2);
    assert_eq!(of("segment"), 4);
    assert_eq!(of("completed"), 1);
}

#[test]
fn a_request_that_is_not_there_and_a_log_with_too_little_have_their_exit_codes() {
    let at = scratch("no-request");
    small(&at, "small.toml", "");
    for trace in ["packets", "calls", "off"] {
        run(&at, trace);
    }
    let first = trace_of(&at, "packets", 0);
    for (named, part) in [
        ("4bf92f3577b34da6a3ce929d0e0e4736", first.as_str()),
        ("4bf92f35", first.as_str()),
        ("999999", "history.jsonl lists them all"),
        ("4bf", "give eight digits"),
    ] {
        let (_, said, code) = export(&at, &["packets", "--request", named]);
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains(part), "{named}: {said}");
    }
    let (told, said, code) = export(&at, &["calls", "--request", &first]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("windtunnel replay calls --trace packets"),
        "{said}"
    );
    assert!(told.contains("back-0 began to serve"), "{told}");
    assert!(!told.contains(" bytes"), "{told}");
    let (_, said, code) = export(&at, &["off", "--request", &first]);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("windtunnel replay off --trace packets"),
        "{said}"
    );
    let (_, said, code) = export(&at, &["nowhere", "--request", &first]);
    assert_eq!(code, Some(4), "{said}");
}

#[test]
fn the_line_that_a_run_prints_for_its_slowest_request_works() {
    let at = scratch("slowest");
    small(&at, "small.toml", "");
    let run = windtunnel(&at, &["run", "small.toml", "--seed", "3", "--out", "a run"]);
    let printed = String::from_utf8_lossy(&run.stdout);
    let mut lines = printed
        .lines()
        .skip_while(|line| !line.contains("Slowest "));
    let headline = lines.next().expect("it names one").trim();
    let headline = headline.strip_prefix("Slowest ").expect("it is the label");
    let line = lines.next().expect("and says how to see it").trim();
    let words = line.strip_prefix("windtunnel export 'a run' --request ");
    let (told, said, code) = export(&at, &["a run", "--request", words.expect("a line")]);
    assert_eq!(code, Some(0), "{said}");
    assert!(told.contains(headline), "{headline}: {told}");
    let history = fs::read_to_string(at.join("a run").join("history.jsonl")).expect("there");
    let operations = history.lines().map(serde_json::from_str::<Operation>);
    let operations: Vec<_> = operations.collect::<Result<_, _>>().expect("JSON lines");
    let slowest = operations
        .iter()
        .max_by_key(|operation| operation.latency());
    let number = slowest.expect("there were some").operation;
    assert!(
        headline.contains(&format!("(operation {number})")),
        "{headline}"
    );
}
