//! What a TARGET on the command line means: a scenario of the catalogue or a file, with its settings
//! changed.

use super::exit::{Exit, Failure};
use crate::{
    catalogue,
    format::{self, closest},
    world,
};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};
use std::{collections::BTreeMap, fs, io::IsTerminal, path::Path};
use windtunnel::{ExecuteError, Settings, Tunnel, Unjudged};
use windtunnel_record::{Limits, RunRecord, RunSpec, Seed};

/// A scenario that is valid.
pub struct Scenario {
    data: format::Scenario,
    text: String,
}

/// `scenario@seed` in its parts.
pub fn split_seed(target: &str) -> (&str, Option<u64>) {
    match target.rsplit_once('@') {
        Some((name, seed)) => match seed.parse() {
            Ok(seed) => (name, Some(seed)),
            Err(_) => (target, None),
        },
        None => (target, None),
    }
}

/// `PATH=VALUE` settings by path.
pub fn overrides(settings: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pairs = settings.iter().map(|setting| {
        let parts = setting
            .split_once('=')
            .map(|(path, value)| (path.into(), value.into()));
        parts.ok_or_else(|| {
            let hint = "write --set services.payments.replicas=4";
            Failure::new(
                Exit::Invalid,
                format_args!("`{setting}` has no `=` ({hint})"),
            )
        })
    });
    pairs.collect()
}

/// Whether there is a scenario or a file of this name.
pub fn exists(target: &str) -> bool {
    let mut catalogue = catalogue::SCENARIOS.iter();
    catalogue.any(|(name, _)| *name == target) || Path::new(target).is_file()
}

/// The question whether a scenario of the catalogue was meant, if `target` is nearly its name.
pub fn meant(target: &str) -> Option<String> {
    let names = catalogue::SCENARIOS.iter().map(|(name, _)| *name);
    closest(target, names).map(|name| format!("did you mean `{name}`?"))
}

/// The text of a scenario: of the catalogue by name, or of a file.
pub fn read(target: &str) -> Result<String, Failure> {
    let known = catalogue::SCENARIOS
        .iter()
        .find(|(name, _)| *name == target);
    if let Some((_, text)) = known {
        return Ok((*text).into());
    }
    if Path::new(target).is_file() {
        return fs::read_to_string(target).map_err(|error| {
            Failure::new(
                Exit::Invalid,
                format_args!("failed to read {target}: {error}"),
            )
        });
    }
    let help = meant(target).unwrap_or_else(|| {
        let names = catalogue::SCENARIOS.iter().map(|(name, _)| *name);
        format!("the catalogue has {}", names.collect::<Vec<_>>().join(", "))
    });
    let message = format!("there is no scenario and no file called `{target}` ({help})");
    Err(Failure::new(Exit::Nothing, message))
}

/// Reads, changes and decodes a scenario.
pub fn load(target: &str, overrides: &BTreeMap<String, String>) -> Result<Scenario, Failure> {
    let text = read(target)?;
    let data = format::Scenario::from_toml(&text)
        .map_err(|problems| Failure::new(Exit::Invalid, render(target, &text, &problems)))?;
    if overrides.is_empty() {
        return Ok(Scenario { data, text });
    }
    let text = format::apply_overrides(&text, overrides)
        .map_err(|error| Failure::new(Exit::Invalid, error))?;
    let data = format::Scenario::from_toml(&text).map_err(|problems| {
        Failure::new(
            Exit::Invalid,
            render("the scenario with its changed settings", &text, &problems),
        )
    })?;
    Ok(Scenario { data, text })
}

/// All problems of a text, each with its line, a caret and what would have been right.
pub fn render(name: &str, text: &str, problems: &[format::Problem]) -> String {
    let theme = if std::io::stderr().is_terminal() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_context_lines(1);
    let mut shown = format!("{} of {name}\n", count(problems.len()));
    for problem in problems {
        let mut diagnostic = MietteDiagnostic::new(format!(
            "{name}:{}:{}: {}",
            problem.line, problem.column, problem.message
        ))
        .with_label(LabeledSpan::underline(problem.span.clone()));
        if let Some(help) = &problem.help {
            diagnostic = diagnostic.with_help(help.clone());
        }
        let report = miette::Report::new(diagnostic)
            .with_source_code(NamedSource::new(name, text.to_owned()));
        // Writing to a String does not fail.
        let _ = handler.render_report(&mut shown, report.as_ref());
    }
    shown
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "1 problem".into()
    } else {
        format!("{problems} problems")
    }
}

/// What is wrong when a run cannot be started: the scenario or the case, the build, or the tool.
fn exit_of(error: &ExecuteError) -> Exit {
    match error {
        ExecuteError::Plan(_) | ExecuteError::Description(_) => Exit::Invalid,
        ExecuteError::Run(_) if world::REAL => Exit::Unavailable,
        ExecuteError::Run(_) => Exit::Failed,
    }
}

impl Scenario {
    /// What it is about.
    pub fn about(&self) -> &str {
        &self.data.about
    }

    /// The rule that a canary must violate.
    pub fn expected(&self) -> Option<&str> {
        self.data
            .expect
            .as_ref()
            .map(|expect| expect.violated.as_str())
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.data.run.limits.unwrap_or_default()
    }

    /// Its text with the changed settings.
    pub fn resolved(&self) -> String {
        self.text.clone()
    }

    /// It, as data.
    pub const fn data(&self) -> &format::Scenario {
        &self.data
    }

    /// The run of it under `seed`, with `overrides` made, where `name` says where it was found.
    pub fn spec(&self, name: &str, seed: Seed, overrides: &BTreeMap<String, String>) -> RunSpec {
        let mut spec = RunSpec::new(name, seed);
        spec.overrides.clone_from(overrides);
        spec.limits = self.limits();
        spec
    }

    /// Runs it under `spec` and judges it.
    pub fn execute(&self, spec: &RunSpec, settings: Settings) -> Result<RunRecord, Failure> {
        self.carry_out(spec, settings).map(Unjudged::judge)
    }

    /// Runs it under `spec`.
    pub fn carry_out(&self, spec: &RunSpec, settings: Settings) -> Result<Unjudged, Failure> {
        let data = self.data.clone();
        let describe = move |tunnel: &mut Tunnel| world::describe(&data, tunnel);
        let run = windtunnel::carry_out(spec, settings, describe);
        run.map_err(|error| Failure::new(exit_of(&error), error))
    }
}
