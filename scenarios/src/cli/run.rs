//! `windtunnel run`.

use super::{
    arguments::{Format, Run},
    exit::{Exit, Failure},
    log::Trace,
    store, target,
};
use std::io::{self, IsTerminal, Write};
use windtunnel::Settings;
use windtunnel_record::{RunRecord, Seed};
use windtunnel_reports::{
    console::{Style, canary, run_summary, slowest},
    json::RunObject,
};

/// Runs a scenario once, writes its directory, prints its summary.
pub fn run(arguments: &Run) -> Result<Exit, Failure> {
    windtunnel::process::without_address_randomisation();
    let (name, at_seed) = target::split_seed(&arguments.target);
    let overrides = target::overrides(&arguments.overrides)?;
    let scenario = target::load(name, &overrides)?;
    let seed = Seed(arguments.seed.or(at_seed).unwrap_or(0));
    let mut spec = scenario.spec(name, seed, &overrides);
    spec.until = arguments
        .until
        .map(|until| windtunnel_record::Moment::START + until);
    eprintln!("running {name} with seed {seed}");
    let settings = Settings {
        keep_packets: arguments.trace.keeps_packets(),
        log: None,
    };
    let record = scenario.execute(&spec, settings)?;
    let directory = store::run_directory(arguments.out.as_deref(), &record);
    finish(
        &record,
        arguments.trace,
        &scenario,
        &directory,
        arguments.format,
    )
}

/// Writes the directory and prints the summary of a run that is over.
pub fn finish(
    record: &RunRecord,
    trace: Trace,
    scenario: &target::Scenario,
    directory: &std::path::Path,
    format: Format,
) -> Result<Exit, Failure> {
    let shown = store::quoted(directory);
    store::write_run(
        directory,
        record,
        trace,
        &scenario.resolved(),
        scenario.expected(),
        &shown,
    )?;
    store::point_latest_to(directory);
    let exit = Exit::of(record, scenario.expected());
    let mut out = io::stdout().lock();
    match format {
        Format::Human => {
            let style = if io::stdout().is_terminal() {
                Style::COLORED
            } else {
                Style::PLAIN
            };
            write!(out, "{}", run_summary(record, &shown, style))?;
            if let Some(rule) = scenario.expected() {
                write!(out, "{}", canary(rule, exit == Exit::Held, style))?;
            }
            if trace != Trace::Off {
                write!(out, "{}", slowest(record, &shown, style))?;
            }
            writeln!(
                out,
                "    Report {}",
                directory.join("report.html").display()
            )?;
        }
        Format::Json => {
            let object = RunObject::of(record, Some(&shown));
            serde_json::to_writer(&mut out, &object).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(exit)
}
