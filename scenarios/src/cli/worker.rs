//! `windtunnel worker`: carries out the runs that a sweep sends, one line each way.
//!
//! A worker reads a [`Request`] a line from standard input, which is mostly a spec, and answers with
//! an [`Answer`] a line on standard output, both as JSON. It ends with its input. A run that kills the
//! worker is thereby a result of that run alone. A worker that holds its last run answers with a
//! [`Seen`], and can write the directory of it: an audit compares the events of the very runs whose
//! digests differed. The runs that did not differ are neither read nor judged.

use super::{
    arguments::Worker,
    exit::{Exit, Failure},
    log::Trace,
    store, target,
    workers::{Answer, Kept, Request, Seen},
};
use std::{
    io::{self, BufRead, Write},
    path::Path,
};
use windtunnel::{Settings, Unjudged};
use windtunnel_record::RunRecord;
use windtunnel_reports::json::SeedLine;

/// Answers requests until there are no more.
pub fn worker(arguments: &Worker) -> Result<Exit, Failure> {
    if arguments.elsewhere {
        windtunnel::process::with_address_randomisation();
    } else {
        windtunnel::process::without_address_randomisation();
    }
    let overrides = target::overrides(&arguments.overrides)?;
    let scenario = target::load(&arguments.target, &overrides)?;
    let settings = Settings {
        keep_packets: arguments.hold,
        ..Settings::default()
    };
    let mut held = None;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)
            .map_err(|error| Failure::new(Exit::Failed, format_args!("no request: {error}")))?;
        match request {
            Request::Run(spec) => {
                drop(held.take());
                let run = scenario.carry_out(&spec, settings.clone())?;
                if arguments.hold {
                    let seen = Seen {
                        digest: run.digest(),
                        events: run.event_count(),
                    };
                    serde_json::to_writer(&mut out, &seen).map_err(io::Error::from)?;
                    held = Some(run);
                } else {
                    let answer = judged(run.judge());
                    serde_json::to_writer(&mut out, &answer).map_err(io::Error::from)?;
                }
            }
            Request::Keep { keep } => {
                let kept = Kept {
                    failed: write(&keep, &scenario, held.take()),
                };
                serde_json::to_writer(&mut out, &kept).map_err(io::Error::from)?;
            }
        }
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(Exit::Held)
}

fn judged(record: RunRecord) -> Answer {
    Answer {
        line: SeedLine::of(&record, None),
        faults: (record.verdict() == "violated").then_some(record.faults),
    }
}

/// Writes the directory of the last run. Why it could not, if it could not.
fn write(directory: &Path, scenario: &target::Scenario, held: Option<Unjudged>) -> Option<String> {
    let Some(run) = held else {
        return Some("the worker holds no run".into());
    };
    let record = run.judge();
    let (text, shown) = (scenario.resolved(), store::quoted(directory));
    let written = store::write_run(
        directory,
        &record,
        Trace::Packets,
        &text,
        scenario.expected(),
        &shown,
    );
    written.err().map(|error| format!("{error:#}"))
}
