//! Every exit code in use.

use crate::small;
use serde_json::Value;
use std::{fs, path::Path};
use windtunnel_tests::program::{complaint, scratch, windtunnel};

const NEVER_DARK: &str = r#"{ id = "never-dark", rule = { never = "faults() >= 1" } }"#;
const NEVER_MET: &str = r#"{ id = "breaks", rule = { sometimes = "breaker(*) == open" } }"#;

fn ends(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = windtunnel(directory, arguments);
    (output.status.code(), complaint(&output))
}

#[test]
fn a_run_that_holds_exits_with_0_and_one_that_breaks_a_rule_with_10() {
    let at = scratch("broken");
    small(&at, "calm.toml", "");
    small(&at, "dark.toml", NEVER_DARK);
    let (code, said) = ends(&at, &["run", "calm.toml", "--out", "calm"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ends(&at, &["run", "dark.toml", "--out", "dark"]);
    assert_eq!(code, Some(10), "{said}");
    let (code, said) = ends(&at, &["replay", "dark", "--out", "again"]);
    assert_eq!(code, Some(10), "{said}");
    let sweep = [
        "sweep",
        "dark.toml",
        "--seeds",
        "0..2",
        "--shrink",
        "off",
        "--out",
        "sweep",
    ];
    let (code, said) = ends(&at, &sweep);
    assert_eq!(code, Some(10), "{said}");
}

#[test]
fn a_sometimes_rule_that_no_seed_met_ends_a_sweep_with_11_and_a_run_with_0() {
    let at = scratch("unmet");
    small(&at, "gentle.toml", NEVER_MET);
    let (code, said) = ends(&at, &["run", "gentle.toml", "--out", "run"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ends(
        &at,
        &["sweep", "gentle.toml", "--seeds", "0..3", "--out", "sweep"],
    );
    assert_eq!(code, Some(11), "{said}");
}

#[test]
fn a_recorded_digest_that_is_not_met_again_exits_with_13() {
    let at = scratch("digest");
    small(&at, "calm.toml", "");
    let (code, said) = ends(&at, &["run", "calm.toml", "--out", "run"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ends(&at, &["replay", "run", "--out", "again"]);
    assert_eq!(code, Some(0), "{said}");
    let file = at.join("run").join("run.json");
    let mut run: Value =
        serde_json::from_slice(&fs::read(&file).expect("it is there")).expect("JSON");
    run["digest"] = "0123456789abcdef0123456789abcdef".into();
    fs::write(&file, run.to_string()).expect("written");
    let (code, said) = ends(&at, &["replay", "run", "--out", "again"]);
    assert_eq!(code, Some(13), "{said}");
    assert!(said.contains("one seed, two digests"), "{said}");
}

#[test]
fn a_run_replays_with_its_scenario_as_it_was() {
    let at = scratch("edited");
    small(&at, "calm.toml", "");
    let (code, said) = ends(&at, &["run", "calm.toml", "--out", "run"]);
    assert_eq!(code, Some(0), "{said}");
    small(&at, "calm.toml", NEVER_DARK);
    let (code, said) = ends(&at, &["replay", "run", "--out", "again"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the digest is as recorded"), "{said}");
}

#[test]
fn what_is_no_runs_directory_and_what_cannot_be_written_have_their_exit_codes() {
    let at = scratch("places");
    small(&at, "calm.toml", "");
    fs::create_dir(at.join("empty")).expect("made");
    let (code, said) = ends(&at, &["replay", "empty"]);
    assert_eq!(code, Some(4), "{said}");
    fs::write(at.join("empty").join("run.json"), "{").expect("written");
    let (code, said) = ends(&at, &["replay", "empty"]);
    assert_eq!(code, Some(3), "{said}");
    let (code, said) = ends(
        &at,
        &["run", "calm.toml", "--out", "calm.toml/below-a-file"],
    );
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_case_whose_rule_holds_exits_with_14() {
    let at = scratch("case");
    small(&at, "dark.toml", NEVER_DARK);
    let sweep = ["sweep", "dark.toml", "--seeds", "5", "--out", "."];
    let (code, said) = ends(&at, &sweep);
    assert_eq!(code, Some(10), "{said}");
    let (code, said) = ends(&at, &["replay", "dark-5.case.toml", "--out", "again"]);
    assert_eq!(code, Some(10), "it still fails: {said}");
    small(&at, "dark.toml", "");
    let (code, said) = ends(&at, &["replay", "dark-5.case.toml", "--out", "again"]);
    assert_eq!(code, Some(14), "{said}");
    assert!(said.contains("no longer reproduces"), "{said}");
}

#[test]
fn a_case_finds_its_scenario_from_elsewhere_and_says_which_one_it_misses() {
    let at = scratch("case-elsewhere");
    small(&at, "dark.toml", NEVER_DARK);
    let sweep = ["sweep", "dark.toml", "--seeds", "5", "--out", "."];
    let (code, said) = ends(&at, &sweep);
    assert_eq!(code, Some(10), "{said}");
    fs::create_dir(at.join("other")).expect("made");
    let replay = ["replay", "../dark-5.case.toml", "--out", "again"];
    let (code, said) = ends(&at.join("other"), &replay);
    assert_eq!(code, Some(10), "{said}");
    assert!(said.contains("the digest is as recorded"), "{said}");
    fs::remove_file(at.join("dark.toml")).expect("removed");
    let (code, said) = ends(&at.join("other"), &replay);
    assert_eq!(code, Some(4), "{said}");
    let missed = "dark-5.case.toml is a run of the scenario `dark.toml`";
    assert!(said.contains(missed), "{said}");
}

#[test]
fn an_audit_of_nothing_is_told_what_it_could_be_of() {
    let at = scratch("audit-of-nothing");
    let (code, said) = ends(&at, &["audit"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--all") && said.contains("--pins"), "{said}");
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let at = scratch("pipe");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let run = std::process::Command::new(windtunnel_tests::program::path())
        .arg("schema")
        .current_dir(&at)
        .stdout(writer)
        .output();
    let run = run.expect("the program runs");
    assert_eq!((complaint(&run).as_str(), run.status.code()), ("", Some(0)));
}

#[test]
fn mistakes_of_the_user_have_their_exit_codes() {
    let at = scratch("exits");
    fs::write(at.join("bytes.toml"), [0xff, 0xfe]).expect("written");
    fs::write(
        at.join("bad.toml"),
        "format = 1\nname = \"x\"\n[srvices.a]\n",
    )
    .expect("written");
    let right =
        "listen = \"127.0.0.1:1\"\n[[routes]]\nname = \"all\"\nrespond = { status = 200 }\n";
    fs::write(at.join("edge.toml"), right).expect("written");
    fs::write(at.join("odd.toml"), right.replace("status", "state")).expect("written");
    for (arguments, code) in [
        (&["fly"][..], 2),
        (&["check", "edge.toml"], 0),
        (&["check", "odd.toml"], 3),
        (&["run", "bad.toml"], 3),
        (&["check", "bad.toml"], 3),
        (&["check", "bytes.toml"], 3),
        (&["run", "shop", "--set", "services.paymnts.replicas=4"], 3),
        (&["run", "no-such-scenario"], 4),
        (&["replay", "nowhere"], 4),
        (&["run", "shop-calm", "--until", "2s", "--out", "early"], 12),
        (&["gateway", "--config", "gateway.toml"], 20),
        (&["up", "shop", "--data", "data"], 20),
    ] {
        let output = windtunnel(&at, arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            complaint(&output)
        );
    }
    let refused = windtunnel(&at, &["up", "shop", "--data", "data"]);
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("use `cargo real up ...`"), "{complaint}");
}
