//! How much of a run is written, and what can be had of a run that was written with little.

use crate::{json, small};
use serde_json::Value;
use std::{fs, path::Path};
use windtunnel_tests::program::{complaint, scratch, windtunnel};

/// Runs the small scenario with this trace into the directory of that name; gives its digest.
fn run(at: &Path, trace: &str) -> Value {
    let arguments = [
        "run",
        "small.toml",
        "--trace",
        trace,
        "--out",
        trace,
        "--format",
        "json",
    ];
    let run = windtunnel(at, &arguments);
    assert_eq!(run.status.code(), Some(0), "{}", complaint(&run));
    json(&run)["digest"].clone()
}

/// The size of a log; none if there is none.
fn log_of(at: &Path, directory: &str) -> Option<u64> {
    let log = at.join(directory).join("events.jsonl.zst");
    Some(fs::metadata(log).ok()?.len())
}

fn run_file(at: &Path, directory: &str) -> Value {
    let text = fs::read(at.join(directory).join("run.json")).expect("it is there");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn a_trace_says_what_is_written_and_changes_neither_the_run_nor_its_reports() {
    let at = scratch("traces");
    small(&at, "small.toml", "");
    let digests = ["off", "calls", "packets"].map(|trace| run(&at, trace));
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
    for trace in ["off", "calls", "packets"] {
        let file = run_file(&at, trace);
        assert_eq!(file["trace"], trace, "{file}");
        assert_eq!(file["log-digest"].is_null(), trace == "off", "{file}");
    }
    let sizes = ["off", "calls", "packets"].map(|trace| log_of(&at, trace));
    assert!(sizes[0].is_none(), "{sizes:?}");
    assert!(sizes[1] < sizes[2], "{sizes:?}");
    for name in ["history.jsonl", "metrics/latency.csv", "plots/latency.svg"] {
        let of = |trace: &str| fs::read(at.join(trace).join(name)).expect("it is there");
        assert!(of("off") == of("packets"), "{name}");
    }
}

#[test]
fn a_log_of_an_earlier_run_does_not_outlive_a_run_without_one() {
    let at = scratch("stale");
    small(&at, "small.toml", "");
    run(&at, "packets");
    let replay = [
        "replay", "packets", "--trace", "off", "--out", "packets", "--format", "json",
    ];
    let replay = windtunnel(&at, &replay);
    assert_eq!(replay.status.code(), Some(0), "{}", complaint(&replay));
    assert_eq!(log_of(&at, "packets"), None);
}

#[test]
fn runs_without_all_of_their_events_are_not_compared_and_it_is_said_what_to_do() {
    let at = scratch("too-little");
    small(&at, "small.toml", "");
    run(&at, "packets");
    for trace in ["off", "calls"] {
        run(&at, trace);
        for sides in [[trace, "packets"], ["packets", trace]] {
            let diff = windtunnel(&at, &["diff", sides[0], sides[1]]);
            let said = complaint(&diff);
            assert_eq!(diff.status.code(), Some(4), "{said}");
            assert!(said.contains(&format!("--trace {trace}")), "{said}");
            let line = format!("windtunnel replay {trace} --trace packets");
            assert!(said.contains(&line), "{said}");
        }
    }
    // What it says to do helps.
    let again = ["replay", "off", "--trace", "packets", "--out", "again"];
    assert_eq!(windtunnel(&at, &again).status.code(), Some(0));
    let diff = windtunnel(&at, &["diff", "again", "packets"]);
    assert_eq!(diff.status.code(), Some(0), "{}", complaint(&diff));
}
