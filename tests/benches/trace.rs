//! What the log of a run costs: `windtunnel run` of a million events as a user has it, rendered and
//! written, with every event in its log and without one.

use std::{path::Path, process::ExitCode};
use windtunnel_tests::{
    measure::{Contestant, medians, within},
    program::{complaint, scratch, windtunnel},
};

/// Seconds of load at a hundred requests a second: a million events.
const SECONDS: u64 = 272;
const ROUNDS: usize = 3;

/// Runs the quiet shop once.
fn run(directory: &Path, trace: &str, seconds: u64) {
    let duration = format!("run.duration={seconds}s");
    let stages = format!(r#"load.shoppers.stages=[{{ for = "{seconds}s", rate = "100/s" }}]"#);
    let arguments = [
        "run",
        "shop-calm",
        "--seed",
        "1",
        "--set",
        &duration,
        "--set",
        &stages,
        "--trace",
        trace,
        "--out",
        trace,
    ];
    let run = windtunnel(directory, &arguments);
    assert_eq!(run.status.code(), Some(0), "{}", complaint(&run));
    let has_log = directory.join(trace).join("events.jsonl.zst").is_file();
    assert_eq!(has_log, trace == "packets");
}

fn main() -> ExitCode {
    let is_smoke = !std::env::args().any(|argument| argument == "--bench");
    let (seconds, rounds) = if is_smoke { (2, 1) } else { (SECONDS, ROUNDS) };
    let at = scratch("trace");
    let contestant = |trace| Contestant {
        name: trace,
        work: Box::new(|| run(&at, trace, seconds)),
    };
    let times = medians(rounds, &mut ["off", "packets"].map(contestant));
    let [off, packets] = times[..] else {
        unreachable!("there are two");
    };
    println!("a million events without a log {off:.2?}, with all of them {packets:.2?}");
    let met = within(
        "a million events, time with every event in the log / without a log",
        packets.as_secs_f64() / off.as_secs_f64(),
        2.0,
    );
    ExitCode::from(u8::from(!met && !is_smoke))
}
