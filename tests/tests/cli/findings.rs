//! From a violation to a case file: confirmed, shrunk, and replayed by the line that was printed.

use crate::small;
use std::{fs, process::Command};
use windtunnel_tests::program::{self, complaint, scratch, windtunnel};

/// The line to paste, at the end of what a sweep printed, carried out by a shell.
fn paste(directory: &std::path::Path, printed: &[u8]) -> std::process::Output {
    let printed = String::from_utf8_lossy(printed);
    let line = printed
        .lines()
        .rev()
        .find(|line| line.contains("Reproduce"));
    let line = line.expect("a line to paste").trim_start();
    let line = line.trim_start_matches("Reproduce").trim();
    let path = std::env::join_paths(
        std::iter::once(program::path().parent().expect("a directory").to_owned()).chain(
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()),
        ),
    );
    Command::new("sh")
        .args(["-c", line])
        .current_dir(directory)
        .env("PATH", path.expect("no colons in it"))
        .output()
        .expect("there is a shell")
}

#[test]
fn the_canary_violates_its_rule_and_its_case_replays() {
    let at = scratch("canary");
    let sweep = [
        "sweep",
        "shop-careless",
        "--seeds",
        "0..4",
        "--shrink",
        "off",
        "--out",
        "a sweep",
    ];
    let sweep = windtunnel(&at, &sweep);
    assert_eq!(sweep.status.code(), Some(0), "{}", complaint(&sweep));
    let printed = String::from_utf8_lossy(&sweep.stdout);
    assert!(printed.contains("for order order-"), "{printed}");
    assert!(printed.contains("faults so far: "), "{printed}");
    let as_it_must = "Canary no-double-charge has to break here, and did";
    assert!(printed.contains(as_it_must), "{printed}");
    let replay = paste(&at, &sweep.stdout);
    let said = complaint(&replay);
    assert!(
        said.contains("reproduced: the digest is as recorded"),
        "{said}"
    );
    let printed = String::from_utf8_lossy(&replay.stdout);
    assert!(printed.contains("Violated no-double-charge"), "{printed}");
}

#[test]
fn a_finding_is_shrunk_to_the_faults_that_matter_and_confirmed() {
    let at = scratch("shrink");
    let overlap = r#"{ id = "no-overlap", rule = { never = "faults() >= 2" } }"#;
    small(&at, "overlap.toml", overlap);
    let sweep = windtunnel(
        &at,
        &["sweep", "overlap.toml", "--seeds", "3..5", "--out", "."],
    );
    assert_eq!(sweep.status.code(), Some(10), "{}", complaint(&sweep));
    let printed = String::from_utf8_lossy(&sweep.stdout);
    assert!(
        printed.contains("Confirmed 2 of 2 fresh processes"),
        "{printed}"
    );
    assert!(printed.contains("Shrunk 4 faults -> 2 ("), "{printed}");
    let case = fs::read_to_string(at.join("overlap-3.case.toml")).expect("the first seed's case");
    for (id, is_left) in [
        ("dark", true),
        ("slow", true),
        ("frozen", false),
        ("lossy", false),
    ] {
        assert_eq!(case.contains(&format!("id = \"{id}\"")), is_left, "{case}");
    }
    let replay = paste(&at, &sweep.stdout);
    assert_eq!(replay.status.code(), Some(10));
    let said = complaint(&replay);
    assert!(
        said.contains("reproduced: the digest is as recorded"),
        "{said}"
    );
}

#[test]
fn every_finding_becomes_a_case_when_asked_for() {
    let at = scratch("all");
    let dark = r#"{ id = "never-dark", rule = { never = "faults() >= 1" } }"#;
    small(&at, "dark.toml", dark);
    let sweep = [
        "sweep",
        "dark.toml",
        "--seeds",
        "0..3",
        "--shrink",
        "all",
        "--out",
        ".",
    ];
    let sweep = windtunnel(&at, &sweep);
    assert_eq!(sweep.status.code(), Some(10), "{}", complaint(&sweep));
    for seed in 0..3 {
        assert!(
            at.join(format!("dark-{seed}.case.toml")).is_file(),
            "seed {seed}"
        );
    }
}

#[test]
fn a_canary_that_fails_hands_out_the_case_of_the_rule_that_it_should_not_break() {
    let at = scratch("surprise");
    let both = r#"
  { id = "never-dark", rule = { never = "faults() >= 1" } },
  { id = "no-overlap", rule = { never = "faults() >= 2" } },
"#;
    small(&at, "canary.toml", both);
    let path = at.join("canary.toml");
    let text = fs::read_to_string(&path).expect("it was written");
    let expect = "[expect]\nviolated = \"never-dark\"\n";
    fs::write(&path, text + expect).expect("it can be written");
    let sweep = [
        "sweep",
        "canary.toml",
        "--seeds",
        "3",
        "--shrink",
        "off",
        "--out",
        ".",
    ];
    let sweep = windtunnel(&at, &sweep);
    assert_eq!(sweep.status.code(), Some(10), "{}", complaint(&sweep));
    let printed = String::from_utf8_lossy(&sweep.stdout);
    assert!(printed.contains("Found no-overlap: "), "{printed}");
    let case = fs::read_to_string(at.join("canary-3.case.toml")).expect("a case");
    assert!(case.contains("rule = \"no-overlap\""), "{case}");
}

#[test]
fn a_case_that_cannot_be_kept_takes_nothing_away_from_the_sweep() {
    let at = scratch("unkept");
    let dark = r#"{ id = "never-dark", rule = { never = "faults() >= 1" } }"#;
    small(&at, "dark.toml", dark);
    fs::create_dir_all(at.join("out/dark-0.case.toml/in-the-way")).expect("made");
    let sweep = [
        "sweep",
        "dark.toml",
        "--seeds",
        "0..2",
        "--shrink",
        "all",
        "--out",
        "out",
    ];
    let sweep = windtunnel(&at, &sweep);
    assert_eq!(sweep.status.code(), Some(1), "{}", complaint(&sweep));
    let printed = String::from_utf8_lossy(&sweep.stdout);
    assert!(printed.contains("0 held, 2 violated"), "{printed}");
    let summary = fs::read_to_string(at.join("out/summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(summary["violated"], 2);
    assert_eq!(summary["findings"].as_array().map(Vec::len), Some(1));
    assert_eq!(summary["failures"].as_array().map(Vec::len), Some(1));
    assert!(at.join("out/dark-1.case.toml").is_file());
}

#[test]
fn the_line_to_paste_has_the_changed_settings() {
    let at = scratch("settings");
    small(&at, "a sweep.toml", "");
    let path = at.join("a sweep.toml");
    let text = fs::read_to_string(&path).expect("it was written");
    let limited = text.replace(
        "\"1s\" }\nservices",
        "\"1s\", limits = { events = 99999 } }\nservices",
    );
    assert_ne!(text, limited);
    fs::write(&path, limited).expect("it can be written");
    let sweep = [
        "sweep",
        "a sweep.toml",
        "--seeds",
        "0..2",
        "--set",
        "run.limits.events=200",
        "--set",
        "load.callers.request=POST /items",
        "--out",
        "out",
    ];
    let sweep = windtunnel(&at, &sweep);
    assert_eq!(sweep.status.code(), Some(12), "{}", complaint(&sweep));
    let run = paste(&at, &sweep.stdout);
    let printed = String::from_utf8_lossy(&run.stdout);
    assert_eq!(run.status.code(), Some(12), "{printed}{}", complaint(&run));
    assert!(printed.contains("more than 200 events"), "{printed}");
}
