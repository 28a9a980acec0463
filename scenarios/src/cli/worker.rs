//! `windtunnel worker`: carries out the runs that a sweep sends, one line each way.
//!
//! A worker reads a [`RunSpec`] a line from standard input and answers with an [`Answer`] a line on
//! standard output, both as JSON. It ends with its input. A run that kills the worker is thereby a
//! result of that run alone.

use super::{
    arguments::Worker,
    exit::{Exit, Failure},
    process, target,
    workers::Answer,
};
use std::io::{self, BufRead, Write};
use windtunnel::Settings;
use windtunnel_record::RunSpec;
use windtunnel_reports::json::SeedLine;

/// Answers specs until there are no more.
pub fn worker(arguments: &Worker) -> Result<Exit, Failure> {
    process::without_address_randomisation();
    let overrides = target::overrides(&arguments.overrides)?;
    let scenario = target::load(&arguments.target, &overrides)?;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let spec: RunSpec = serde_json::from_str(&line)
            .map_err(|error| Failure::new(Exit::Failed, format_args!("no spec: {error}")))?;
        let record = scenario.execute(&spec, Settings::default())?;
        let answer = Answer {
            line: SeedLine::of(&record, None),
            faults: (record.verdict() == "violated").then_some(record.faults),
        };
        serde_json::to_writer(&mut out, &answer).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(Exit::Held)
}
