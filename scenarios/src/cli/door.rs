//! Which verbs this build can carry out: it is made for one of the two worlds.

use super::{
    exit::{Exit, Failure},
    target,
};
use crate::world;
use std::{future::Future, io};
use tokio::runtime::Builder;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;
use windtunnel::Settings;
use windtunnel_record::{RunSpec, Seed};

/// Lets only a build for the real world pass; `verb` is what the user wants.
pub fn real(verb: &str) -> Result<(), Failure> {
    if world::REAL {
        return Ok(());
    }
    let message = format!(
        "this program was built for the simulated world and cannot open sockets (use \
         `cargo real {verb} ...`)"
    );
    Err(Failure::new(Exit::Unavailable, message))
}

/// Lets only a build for the simulated world pass, before a verb starts processes that would all
/// refuse. The words are those of the refusal of a run.
pub fn simulated(scenario: &target::Scenario, name: &str) -> Result<(), Failure> {
    if world::REAL {
        scenario.execute(&RunSpec::new(name, Seed(0)), Settings::default())?;
    }
    Ok(())
}

/// Prints `tracing` events from `level` on to standard error, a line each.
pub fn print_events(level: LevelFilter) -> Result<(), Failure> {
    let printer = fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(printer)
        .map_err(|error| Failure::new(Exit::Failed, error))
}

/// Runs a future to its end on a runtime with as many threads as there are cores.
pub fn on_all_cores<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}

/// Runs a future to its end on a runtime on this thread.
pub fn on_this_thread<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}
