//! `windtunnel check`.

use super::{
    arguments::{Check, Format},
    exit::{Exit, Failure},
    target,
};
use crate::{catalogue, format};
use std::io::{self, Write};

/// Checks scenarios without running them; all problems of all of them.
pub fn check(arguments: &Check) -> Result<Exit, Failure> {
    let all = || {
        catalogue::SCENARIOS
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    };
    let targets: Vec<String> = if arguments.targets.is_empty() {
        all()
    } else {
        arguments.targets.clone()
    };
    let mut out = io::stdout().lock();
    let mut exit = Exit::Held;
    for name in targets {
        let text = target::read(&name)?;
        let problems = match format::GatewayFile::is_meant(&text) {
            true => format::GatewayFile::from_toml(&text).err(),
            false => format::Scenario::from_toml(&text).err(),
        };
        let problems = problems.unwrap_or_default();
        if !problems.is_empty() {
            exit = Exit::Invalid;
        }
        match arguments.format {
            Format::Human if problems.is_empty() => writeln!(out, "{name} is valid")?,
            Format::Human => eprintln!("{}", target::render(&name, &text, &problems)),
            Format::Json => {
                let problems: Vec<_> = problems
                    .iter()
                    .map(|problem| {
                        serde_json::json!({
                            "line": problem.line,
                            "column": problem.column,
                            "message": problem.message,
                            "help": problem.help,
                        })
                    })
                    .collect();
                writeln!(
                    out,
                    "{}",
                    serde_json::json!({ "target": name, "problems": problems })
                )?;
            }
        }
    }
    Ok(exit)
}
