//! `windtunnel worker`: runs the seeds that a sweep sends, one line each way.
//!
//! A worker reads a seed a line from standard input and answers with a [`SeedLine`] a line on
//! standard output. It ends with its input. A run that kills the worker is thereby a result of that
//! seed alone.

use super::{
    arguments::Worker,
    exit::{Exit, Failure},
    process, target,
};
use std::io::{self, BufRead, Write};
use windtunnel::Settings;
use windtunnel_record::{RunSpec, Seed};
use windtunnel_reports::json::SeedLine;

/// Answers seeds until there are no more.
pub fn worker(arguments: &Worker) -> Result<Exit, Failure> {
    process::without_address_randomisation();
    let overrides = target::overrides(&arguments.overrides)?;
    let scenario = target::load(&arguments.target, &overrides)?;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let seed: Seed = line
            .trim()
            .parse()
            .map_err(|_| Failure::new(Exit::Failed, format_args!("`{line}` is no seed")))?;
        let mut spec = RunSpec::new(&arguments.target, seed);
        spec.overrides = overrides.clone();
        spec.limits = scenario.limits();
        let record = scenario.execute(&spec, Settings::default())?;
        serde_json::to_writer(&mut out, &SeedLine::of(&record, None)).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(Exit::Held)
}
