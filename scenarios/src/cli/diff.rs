//! `windtunnel diff`: where two runs part.

use super::{
    arguments::{Diff, Format},
    course::Course,
    exit::{Exit, Failure},
    store,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
    path::Path,
};
use windtunnel_record::{Digest, Seed};
use windtunnel_reports::{
    console::{self, Style},
    json::ToldDifference,
    numbers::counted,
};

/// One of both runs as JSON.
#[derive(Serialize)]
struct Side<'a> {
    target: &'a str,
    scenario: &'a str,
    seed: Seed,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    overrides: &'a BTreeMap<String, String>,
    digest: Digest,
    events: u64,
}

impl<'a> Side<'a> {
    fn of(target: &'a str, course: &'a Course) -> Self {
        Self {
            target,
            scenario: &course.spec.scenario,
            seed: course.spec.seed,
            overrides: &course.spec.overrides,
            digest: course.digest,
            events: course.event_count,
        }
    }

    fn words(&self) -> String {
        let scenario = store::quoted(Path::new(self.scenario));
        let events = counted(self.events, "event");
        let settings: String = self
            .overrides
            .iter()
            .map(|(path, value)| format!(" with {path}={value}"))
            .collect();
        format!(
            "{} ({scenario}@{}{settings}, {events})",
            self.target, self.seed
        )
    }
}

/// Compares the runs that the arguments mean. That two runs of one scenario under one seed differ is
/// exit 13; that others do is what was to be shown.
pub fn diff(arguments: &Diff) -> Result<Exit, Failure> {
    windtunnel::process::without_address_randomisation();
    let one = Course::of(&arguments.one)?.whole(&arguments.one)?;
    let other = Course::of(&arguments.other)?.whole(&arguments.other)?;
    let difference = one.difference(&other, arguments.context);
    let sides = (
        Side::of(&arguments.one, &one),
        Side::of(&arguments.other, &other),
    );
    print(arguments.format, &sides.0, &sides.1, difference.as_ref())?;
    let same = one.digest == other.digest;
    if !same && one.is_of_the_same_run(&other) {
        eprintln!("one scenario under one seed, two digests");
        return Ok(Exit::Nondeterminism);
    }
    Ok(Exit::Held)
}

fn print(
    format: Format,
    one: &Side<'_>,
    other: &Side<'_>,
    difference: Option<&ToldDifference>,
) -> Result<(), Failure> {
    let same = one.digest == other.digest;
    let mut out = io::stdout().lock();
    if format == Format::Json {
        let object = serde_json::json!({
            "one": one, "other": other, "same": same, "difference": difference,
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    if same {
        writeln!(out, "both have the digest {}", one.digest)?;
        return Ok(());
    }
    let style = if io::stdout().is_terminal() {
        Style::COLORED
    } else {
        Style::PLAIN
    };
    match difference {
        Some(told) => {
            let text = console::difference(told, &one.words(), &other.words(), style);
            write!(out, "{text}")?;
        }
        None => writeln!(
            out,
            "the digests {} and {} differ, but not in an event that both logs keep",
            one.digest, other.digest
        )?,
    }
    Ok(())
}
