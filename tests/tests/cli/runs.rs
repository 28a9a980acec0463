//! Runs and replays: one digest in every process, and what a run leaves behind.

use crate::{json, small};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};
use windtunnel_tests::{
    pins,
    program::{self, complaint, scratch, windtunnel},
};

#[test]
fn run_and_replay_in_two_processes_give_one_digest() {
    let at = scratch("replay");
    let run = windtunnel(
        &at,
        &[
            "run", "shop", "--seed", "42", "--out", "one", "--format", "json",
        ],
    );
    assert_eq!(run.status.code(), Some(0), "{}", complaint(&run));
    let again = windtunnel(&at, &["replay", "one", "--out", "two", "--format", "json"]);
    assert_eq!(again.status.code(), Some(0), "{}", complaint(&again));
    assert_eq!(json(&run)["digest"], json(&again)["digest"]);
    assert_eq!(
        json(&run)["digest"],
        pins::of("shop", 42).to_string(),
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
        let run = Command::new(program::path())
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
fn a_thousand_seeds_leave_a_workers_memory_flat() {
    let at = scratch("memory");
    small(&at, "small.toml", "");
    let mut worker = Command::new(program::path());
    worker
        .args(["worker", "small.toml"])
        .current_dir(&at)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    without_huge_pages(&mut worker);
    let mut worker = worker.spawn().expect("the program runs");
    let mut specs = worker.stdin.take().expect("piped");
    let mut answers = BufReader::new(worker.stdout.take().expect("piped")).lines();
    let mut after_hundred = 0;
    for seed in 0..1_000 {
        writeln!(specs, r#"{{"scenario":"small.toml","seed":{seed}}}"#).expect("it listens");
        let answer = answers.next().expect("it lives").expect("text");
        assert!(answer.contains(r#""verdict":"held""#), "{answer}");
        if seed == 100 {
            after_hundred = resident_kib(worker.id());
        }
    }
    let growth = resident_kib(worker.id()).saturating_sub(after_hundred);
    drop(specs);
    worker.wait().expect("it ends with its input");
    assert!(
        growth < 2_048,
        "{growth} KiB more after a thousand seeds than after a hundred"
    );
}

/// How much of a process is in memory.
fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let text = line
        .expect("the kernel tells")
        .trim()
        .trim_end_matches(" kB");
    text.parse().expect("a number")
}

/// Where the kernel makes one huge page of what was some pages, what is resident grows by up to 2 MiB
/// that nobody asked for, at a moment of the kernel's choice.
fn without_huge_pages(command: &mut Command) {
    let disable = || {
        // SAFETY: one system call without pointers, as is allowed between fork and exec.
        let done = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
        match done {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: what runs there allocates nothing and takes no lock.
    unsafe { command.pre_exec(disable) };
}
