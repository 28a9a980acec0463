//! `audit` and `diff`: two runs of one seed, and where two runs part.

use crate::{json, small};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};
use windtunnel_tests::program::{self, complaint, scratch, windtunnel};

/// The JSON objects that were printed, a line each.
fn lines(printed: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(printed);
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON lines")
}

#[test]
fn every_seed_of_an_audit_runs_twice_and_gives_one_digest() {
    let at = scratch("audit");
    small(&at, "small.toml", "");
    let seeds = ["audit", "small.toml", "--seeds", "0..3", "--format", "json"];
    let audit = windtunnel(&at, &seeds);
    assert_eq!(audit.status.code(), Some(0), "{}", complaint(&audit));
    let printed = lines(&audit.stdout);
    assert_eq!(printed.len(), 4);
    for line in &printed[..3] {
        assert_eq!(line["status"], "same", "{line}");
        assert_eq!(line["digests"][0], line["digests"][1], "{line}");
        assert_eq!(
            line["digests"][0].as_str().map(str::len),
            Some(32),
            "{line}"
        );
    }
    assert_ne!(printed[0]["digests"], printed[1]["digests"]);
    assert_eq!(printed[3]["same"], 3, "{}", printed[3]);
}

#[test]
fn an_audit_goes_on_where_it_was_interrupted_and_not_after_another() {
    let at = scratch("resume");
    small(&at, "small.toml", "");
    let audit = |more: &[&str]| {
        let all = [&["audit", "small.toml", "--out", "seen"], more].concat();
        windtunnel(&at, &all)
    };
    let first = audit(&["--seeds", "0..2"]);
    assert_eq!(first.status.code(), Some(0), "{}", complaint(&first));
    // What a power loss leaves: half a line.
    let ledger = at.join("seen").join("audit.jsonl");
    let text = fs::read_to_string(&ledger).expect("it is there") + "{\"scenario\":\"sm";
    fs::write(&ledger, text).expect("written");
    let again = audit(&["--seeds", "0..3", "--resume"]);
    let said = complaint(&again);
    assert_eq!(again.status.code(), Some(0), "{said}");
    assert!(said.contains("auditing 1 seeds"), "{said}");
    assert!(said.contains("2 were audited before"), "{said}");
    let printed = String::from_utf8_lossy(&again.stdout);
    assert!(printed.contains("SAME 3 seeds"), "{printed}");
    let other = audit(&["--resume", "--set", "run.settle=2s"]);
    assert_eq!(other.status.code(), Some(3), "{}", complaint(&other));
}

#[test]
fn pinned_digests_that_are_no_longer_right_are_a_patch_and_an_exit_of_their_own() {
    let at = scratch("pins");
    small(&at, "small.toml", "");
    let wrong = "0123456789abcdef0123456789abcdef";
    let text = format!("# why\n[digests]\n\"small.toml@3\" = \"{wrong}\"\n");
    fs::write(at.join("pins.toml"), &text).expect("written");
    let audit = |more: &[&str]| {
        let audit = windtunnel(&at, &[&["audit", "--pins", "pins.toml"], more].concat());
        (audit.status.code(), complaint(&audit))
    };
    let (code, said) = audit(&[]);
    assert_eq!(code, Some(14), "{said}");
    assert!(
        said.contains(&format!("-\"small.toml@3\" = \"{wrong}\"")),
        "{said}"
    );
    assert_eq!(fs::read_to_string(at.join("pins.toml")).ok(), Some(text));
    let (code, said) = audit(&["--update"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = audit(&[]);
    assert_eq!(code, Some(0), "{said}");
    fs::write(at.join("pins.toml"), "[digests]\nsmall = \"x\"\n").expect("written");
    let (code, said) = audit(&[]);
    assert_eq!(code, Some(3), "{said}");
}

#[test]
fn the_whole_catalogue_shares_the_seeds() {
    let at = scratch("catalogue");
    let short = ["--set", "run.duration=1s", "--set", "run.settle=1s"];
    let all = ["audit", "--all", "--seeds", "0..12", "--format", "json"];
    let audit = windtunnel(&at, &[&all[..], &short].concat());
    assert_eq!(audit.status.code(), Some(0), "{}", complaint(&audit));
    let printed = lines(&audit.stdout);
    let summary = printed.last().expect("a summary");
    assert_eq!(summary["same"], 12, "{summary}");
    let scenarios = summary["scenarios"].as_array().expect("a list");
    let list = windtunnel(&at, &["list"]).stdout;
    let known = String::from_utf8_lossy(&list).lines().count();
    assert_eq!(scenarios.len(), known.min(12), "{summary}");
}

/// The scenario is edited while it is audited: the process that has it loaded goes on with the old
/// one, those that are started afterwards load the new one. So digests differ, and it is known where.
#[test]
fn a_seed_with_two_digests_is_shown_with_the_first_event_in_which_its_runs_differ() {
    let at = scratch("edited");
    small(&at, "small.toml", "");
    let mut audit = Command::new(program::path())
        .args(["audit", "small.toml", "--seeds", "0..60", "--jobs", "1"])
        .args(["--format", "json", "--out", "seen"])
        .current_dir(&at)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let out = BufReader::new(audit.stdout.take().expect("piped"));
    let mut printed = Vec::new();
    for line in out.lines().map_while(Result::ok) {
        if printed.is_empty() {
            small(&at, "edited.toml", "");
            let text = fs::read_to_string(at.join("edited.toml")).expect("it is there");
            let text = text.replace(r#"id = "dark", at = "1s""#, r#"id = "dark", at = "900ms""#);
            fs::write(at.join("edited.toml"), text).expect("written");
            fs::rename(at.join("edited.toml"), at.join("small.toml")).expect("replaced");
        }
        printed.push(serde_json::from_str::<Value>(&line).expect("JSON"));
    }
    let status = audit.wait().expect("it ends");
    assert_eq!(status.code(), Some(13), "{printed:?}");
    let found = printed.iter().find(|line| line["status"] == "differs");
    let found = found.expect("a seed with two digests");
    assert_ne!(found["digests"][0], found["digests"][1]);
    let difference = &found["difference"];
    assert_eq!(difference["at"], "0.900s", "{difference}");
    assert_eq!(difference["hosts"][0], "back-0", "{difference}");
    let first = difference["one"][0]["says"].as_str().expect("words");
    assert!(first.contains("dark"), "{difference}");
    assert!(!difference["before"].as_array().expect("a list").is_empty());

    // The runs that differed are kept.
    let directories = found["directories"].as_array().expect("both");
    let both: Vec<&str> = directories.iter().filter_map(Value::as_str).collect();
    let diff = windtunnel(&at, &["diff", both[0], both[1], "--format", "json"]);
    let told = json(&diff);
    assert_eq!(told["difference"]["at"], "0.900s", "{told}");
    let human = windtunnel(&at, &["diff", both[0], both[1]]);
    let printed = String::from_utf8_lossy(&human.stdout);
    assert!(printed.contains("at 0.900s"), "{printed}");
    assert!(printed.contains("<  one"), "{printed}");
}

/// The flags of a worker's process once it has carried out a run.
fn personality(at: &Path, more: &[&str]) -> u32 {
    let mut worker = Command::new(program::path())
        .args(["worker", "small.toml"])
        .args(more)
        .current_dir(at)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut specs = worker.stdin.take().expect("piped");
    writeln!(specs, r#"{{"scenario":"small.toml","seed":1}}"#).expect("it listens");
    let mut answers = BufReader::new(worker.stdout.take().expect("piped")).lines();
    assert!(answers.next().is_some(), "it answers");
    let flags = fs::read_to_string(format!("/proc/{}/personality", worker.id()));
    drop(specs);
    worker.wait().expect("it ends with its input");
    u32::from_str_radix(flags.expect("it lives").trim(), 16).expect("a number")
}

#[test]
fn the_two_processes_of_an_audit_have_fixed_and_random_addresses() {
    let at = scratch("addresses");
    small(&at, "small.toml", "");
    let fixed = libc::ADDR_NO_RANDOMIZE as u32;
    assert_eq!(personality(&at, &["--hold"]) & fixed, fixed);
    assert_eq!(personality(&at, &["--hold", "--elsewhere"]) & fixed, 0);
}

/// `diff` of two runs: its exit and what it prints.
fn diff(at: &Path, one: &str, other: &str) -> (Option<i32>, String) {
    let diff = windtunnel(at, &["diff", one, other]);
    let printed = String::from_utf8_lossy(&diff.stdout).into_owned();
    (diff.status.code(), printed + &complaint(&diff))
}

#[test]
fn diff_takes_directories_seeds_and_cases_and_says_when_digests_are_equal() {
    let at = scratch("diff");
    let dark = r#"{ id = "never-dark", rule = { never = "faults() >= 1" } }"#;
    small(&at, "small.toml", dark);
    for (seed, out) in [("1", "one"), ("2", "two")] {
        windtunnel(&at, &["run", "small.toml", "--seed", seed, "--out", out]);
    }
    windtunnel(
        &at,
        &[
            "sweep",
            "small.toml",
            "--seeds",
            "1",
            "--shrink",
            "off",
            "--out",
            ".",
        ],
    );
    for same in ["one", "small.toml@1", "small-1.case.toml"] {
        let (code, said) = diff(&at, "one", same);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("both have the digest"), "{said}");
    }
    let (code, said) = diff(&at, "one", "two");
    assert_eq!(code, Some(0), "other seeds may differ: {said}");
    assert!(said.contains("Differs event"), "{said}");
    assert!(said.contains("> other is two (small.toml@2"), "{said}");
    let (code, said) = diff(&at, "one", "nowhere");
    assert_eq!(code, Some(4), "{said}");
}

#[test]
fn a_log_that_is_not_whole_is_refused() {
    let at = scratch("log");
    small(&at, "small.toml", "");
    windtunnel(&at, &["run", "small.toml", "--out", "one"]);
    windtunnel(&at, &["run", "small.toml", "--seed", "9", "--out", "two"]);
    let log = |run: &str| at.join(run).join("events.jsonl.zst");
    fs::copy(log("two"), log("one")).expect("copied");
    let (code, said) = diff(&at, "one", "two");
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("its digest is not the one in run.json"),
        "{said}"
    );
}
