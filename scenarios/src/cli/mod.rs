//! The command line: one file for each verb. Only here is anything printed or parsed from arguments.

mod arguments;
mod audit;
mod check;
mod course;
mod diff;
mod door;
mod exit;
mod export;
mod finding;
mod gateway;
mod list;
mod log;
mod replay;
mod run;
mod schema;
mod store;
mod sweep;
mod target;
mod up;
mod up_replica;
mod worker;
mod workers;

pub use exit::Exit;

use arguments::{Arguments, Verb};
use clap::Parser;
use std::process::ExitCode;

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = carry_out(arguments).unwrap_or_else(|failure| failure.report());
    ExitCode::from(exit.code())
}

fn carry_out(arguments: Arguments) -> Result<Exit, exit::Failure> {
    match arguments.verb {
        Verb::List(list) => list::list(&list),
        Verb::Check(check) => check::check(&check),
        Verb::Run(run) => run::run(&run),
        Verb::Replay(replay) => replay::replay(&replay),
        Verb::Sweep(sweep) => sweep::sweep(&sweep),
        Verb::Audit(audit) => audit::audit(&audit),
        Verb::Diff(diff) => diff::diff(&diff),
        Verb::Export(export) => export::export(&export),
        Verb::Schema(schema) => schema::schema(&schema),
        Verb::Gateway(gateway) => gateway::gateway(&gateway),
        Verb::Up(up) => up::up(&up),
        Verb::UpReplica(replica) => up_replica::up_replica(&replica),
        Verb::Worker(worker) => worker::worker(&worker),
    }
}
