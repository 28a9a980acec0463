//! What users read when something is wrong: each message as it stands on their screen.
//!
//! The program runs in a directory of the test's own and is given names relative to it, so that no
//! path of a machine gets into a snapshot. A message that changes is looked at by a person.

#![cfg(madsim)]

mod cases;
mod gateway_file;
mod targets;

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

use std::path::Path;
use windtunnel_tests::program::{complaint, windtunnel};

/// The command, what it says on standard error, and its exit code.
fn said(directory: &Path, arguments: &[&str]) -> String {
    let output = windtunnel(directory, arguments);
    assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
    let lines = complaint(&output);
    // Carets end their lines with spaces, which editors take away.
    let lines: Vec<&str> = lines.trim_end().lines().map(str::trim_end).collect();
    let code = output.status.code().expect("it was not killed");
    let command = arguments.join(" ");
    format!(
        "$ windtunnel {command}\n{}\nexit code {code}\n",
        lines.join("\n")
    )
}
