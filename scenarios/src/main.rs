//! The command `windtunnel`: parse, run the verb, say what went wrong, exit.

use std::process::ExitCode;
use windtunnel_scenarios::cli;

#[global_allocator]
static ALLOCATOR: windtunnel::process::Allocator = windtunnel::process::Allocator;

fn main() -> ExitCode {
    cli::main()
}
