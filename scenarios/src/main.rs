//! The command `windtunnel`: parse, run the verb, say what went wrong, exit.

use std::process::ExitCode;
use windtunnel_scenarios::cli;

fn main() -> ExitCode {
    cli::main()
}
