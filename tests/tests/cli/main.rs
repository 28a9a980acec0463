//! Does the command line do what it says? The program is built once and run as a user would.

#![cfg(madsim)]

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// The digest of `shop` under seed 42, the same in debug and release builds.
const SHOP_42: &str = "d80af260878f85b4a97d3e1825c1091e";

/// The program, built with the settings of this test run.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let this = std::env::current_exe().expect("a test is a program");
        let built = this
            .parent()
            .and_then(Path::parent)
            .expect("target/debug")
            .join("windtunnel");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the workspace");
        let status = Command::new(cargo)
            .args([
                "build",
                "--package",
                "windtunnel-scenarios",
                "--bin",
                "windtunnel",
            ])
            .arg("--target-dir")
            .arg(
                built
                    .parent()
                    .and_then(Path::parent)
                    .expect("the target directory"),
            )
            .current_dir(root)
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the program builds");
        built
    })
}

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("windtunnel-cli-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("it can be made");
    path
}

fn windtunnel(directory: &Path, arguments: &[&str]) -> Output {
    let run = Command::new(program())
        .args(arguments)
        .current_dir(directory)
        .output();
    run.expect("the program runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn run_and_replay_in_two_processes_give_one_digest() {
    let at = scratch("replay");
    let run = windtunnel(
        &at,
        &[
            "run", "shop", "--seed", "42", "--out", "one", "--format", "json",
        ],
    );
    assert_eq!(
        run.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let again = windtunnel(&at, &["replay", "one", "--out", "two", "--format", "json"]);
    assert_eq!(
        again.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(json(&run)["digest"], json(&again)["digest"]);
    assert_eq!(
        json(&run)["digest"],
        SHOP_42,
        "behaviour changed: say so where this is pinned anew"
    );
    for file in [
        "run.json",
        "scenario.toml",
        "faults.toml",
        "history.jsonl",
        "report.html",
    ] {
        assert!(at.join("one").join(file).is_file(), "{file} is missing");
    }
}

#[test]
fn another_seed_and_another_environment_change_only_what_they_should() {
    let at = scratch("seeds");
    let digest = |seed: &str, padding: usize| {
        let run = Command::new(program())
            .args([
                "run",
                "shop-calm",
                "--seed",
                seed,
                "--out",
                "out",
                "--format",
                "json",
            ])
            .env("PADDING", "x".repeat(padding))
            .current_dir(&at)
            .output()
            .expect("the program runs");
        json(&run)["digest"].clone()
    };
    let first = digest("1", 0);
    assert_eq!(first, digest("1", 10_000), "the environment is not seen");
    assert_ne!(first, digest("2", 0), "the seed is");
}

#[test]
fn a_worker_gives_the_same_digest_after_other_seeds() {
    let at = scratch("worker");
    let sweep = |seeds: &str| -> Vec<Value> {
        let run = windtunnel(
            &at,
            &[
                "sweep",
                "shop-calm",
                "--seeds",
                seeds,
                "--jobs",
                "1",
                "--out",
                "o",
                "--format",
                "json",
            ],
        );
        let text = String::from_utf8(run.stdout).expect("text");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    let alone = sweep("7");
    let after = sweep("list:3,4,7");
    let of_seven = after
        .iter()
        .find(|line| line["seed"] == 7)
        .expect("seed 7 ran");
    assert_eq!(alone[0]["digest"], of_seven["digest"]);
}

#[test]
fn the_canary_violates_its_rule_and_its_case_replays() {
    let at = scratch("canary");
    let sweep = windtunnel(
        &at,
        &[
            "sweep",
            "shop-careless",
            "--seeds",
            "0..4",
            "--out",
            "canary",
        ],
    );
    assert_eq!(
        sweep.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&sweep.stderr)
    );
    let case = std::fs::read_dir(at.join("canary"))
        .expect("the sweep's directory")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().ends_with(".case.toml"))
        .expect("a case was written");
    let case = case.to_str().expect("text");
    let replay = windtunnel(&at, &["replay", case, "--out", "again"]);
    let said = String::from_utf8_lossy(&replay.stderr).into_owned();
    assert!(
        said.contains("reproduced: the digest is as recorded"),
        "{said}"
    );
}

#[test]
fn mistakes_of_the_user_have_their_exit_codes() {
    let at = scratch("exits");
    std::fs::write(
        at.join("bad.toml"),
        "format = 1\nname = \"x\"\n[srvices.a]\n",
    )
    .expect("written");
    for (arguments, code) in [
        (&["fly"][..], 2),
        (&["run", "bad.toml"], 3),
        (&["check", "bad.toml"], 3),
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
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let refused = windtunnel(&at, &["up", "shop", "--data", "data"]);
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("use `cargo real up ...`"), "{complaint}");
}

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
