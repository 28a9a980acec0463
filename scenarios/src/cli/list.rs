//! `windtunnel list`.

use super::{
    arguments::{Format, List},
    exit::{Exit, Failure},
    target,
};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Lists the catalogue.
pub fn list(arguments: &List) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    for (name, _) in crate::catalogue::SCENARIOS {
        let scenario = target::load(name, &BTreeMap::new())?;
        match arguments.format {
            Format::Human => writeln!(out, "{name:<22} {}", scenario.about())?,
            Format::Json => {
                let object = serde_json::json!({
                    "name": name,
                    "about": scenario.about(),
                    "expect-violated": scenario.expected(),
                });
                writeln!(out, "{object}")?;
            }
        }
    }
    Ok(Exit::Held)
}
