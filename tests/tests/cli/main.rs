//! Does the command line do what it says? The program is built once and run as a user would.

#![cfg(madsim)]

mod audit;
mod check;
mod exits;
mod findings;
mod requests;
mod runs;
mod traces;

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

use serde_json::Value;
use std::{fs, path::Path, process::Output};

/// The one JSON object that was printed.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Writes a scenario of two services and three seconds, in which a loss of power and a slow network
/// overlap; `checks` is what must hold.
fn small(directory: &Path, name: &str, checks: &str) {
    let text = format!(
        r#"format = 1
name = "small"
run = {{ duration = "3s", settle = "1s" }}
services.front.calls = [{{ to = "back", timeout = "400ms" }}]
services.back.work = "1ms"
load = [
  {{ name = "callers", via = "front", request = "GET /", stages = [{{ for = "3s", rate = "20/s" }}] }},
]
faults = [
  {{ id = "dark", at = "1s", for = "500ms", inject = {{ power-loss = {{ target = "back" }} }} }},
  {{ id = "slow", at = "1200ms", for = "500ms", inject = {{ slow = {{ to = "back", by = "5ms" }} }} }},
  {{ id = "frozen", at = "2s", for = "100ms", inject = {{ pause = {{ target = "front" }} }} }},
  {{ id = "lossy", at = "2500ms", for = "100ms", inject = {{ loss = {{ to = "back", rate = 0.1 }} }} }},
]
checks = [{checks}]
"#
    );
    fs::write(directory.join(name), text).expect("it can be written");
}
