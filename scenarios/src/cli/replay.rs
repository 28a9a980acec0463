//! `windtunnel replay`.

use super::{
    arguments::Replay,
    exit::{Exit, Failure},
    run, store, target,
};
use anyhow::Context;
use std::{fs, path::Path};
use windtunnel::Settings;
use windtunnel_record::{Case, Digest, RunSpec};

/// What a replay is compared with.
pub struct Expected {
    /// What the run was made from.
    pub spec: RunSpec,
    /// Where the scenario is: beside the run, as it was then, or where the case says.
    pub scenario: String,
    digest: Digest,
    /// The rules that broke; for a case the one it is about.
    broken: Vec<String>,
    is_case: bool,
}

/// Runs again what a directory or a case describes; nothing but the same digest, or for a case the
/// same broken rule, counts as reproduced.
pub fn replay(arguments: &Replay) -> Result<Exit, Failure> {
    windtunnel::process::without_address_randomisation();
    let expected = read(&arguments.target)?;
    let scenario = target::load(&expected.scenario, &expected.spec.overrides)?;
    eprintln!(
        "replaying {} with seed {}",
        expected.spec.scenario, expected.spec.seed
    );
    let settings = Settings {
        keep_packets: arguments.trace.keeps_packets(),
        log: arguments.log.clone(),
    };
    let record = scenario.execute(&expected.spec, settings)?;
    let directory = store::run_directory(arguments.out.as_deref(), &record);
    let exit = run::finish(
        &record,
        arguments.trace,
        &scenario,
        &directory,
        arguments.format,
    )?;
    let same = record.digest == expected.digest;
    let still_broken = expected.broken.iter().all(|rule| {
        record
            .rules
            .iter()
            .any(|report| report.id == *rule && report.fails())
    });
    let (said, exit) = match (same, still_broken, expected.is_case) {
        (_, false, true) => (
            "no longer reproduces: its rule is not broken",
            Exit::NotReproduced,
        ),
        (true, _, _) => ("reproduced: the digest is as recorded", exit),
        (false, true, true) => ("still fails, by another path than recorded", exit),
        (false, _, false) => (
            "one seed, two digests: the run is not the recorded one",
            Exit::Nondeterminism,
        ),
    };
    eprintln!(
        "{said} (recorded {}, now {})",
        expected.digest, record.digest
    );
    Ok(exit)
}

/// What `target` describes: a run's directory, a case file or `latest`.
///
/// # Errors
/// Exit 4 if it is not there, 3 if it cannot be understood.
pub fn read(target: &str) -> Result<Expected, Failure> {
    let path = if target == "latest" {
        store::latest()
    } else {
        Path::new(target).into()
    };
    if path.is_dir() {
        let file = store::read_run(&path)?;
        return Ok(Expected {
            spec: file.spec,
            scenario: path.join("scenario.toml").display().to_string(),
            digest: file.digest,
            broken: file.violated,
            is_case: false,
        });
    }
    let text = fs::read_to_string(&path)
        .with_context(|| {
            format!(
                "failed to read {} (give a run directory, a case file or `latest`)",
                path.display()
            )
        })
        .map_err(|error| Failure::new(Exit::Nothing, format_args!("{error:#}")))?;
    let case = Case::from_toml(&text).map_err(|error| {
        Failure::new(
            Exit::Invalid,
            format_args!("failed to read {}: {error}", path.display()),
        )
    })?;
    Ok(Expected {
        scenario: scenario_of(&case, &path)?,
        spec: case.run,
        digest: case.digest,
        broken: vec![case.rule],
        is_case: true,
    })
}

/// Where the scenario of a case is: in the catalogue, where the case says as seen from here or from
/// the case itself, or beside the case.
fn scenario_of(case: &Case, file: &Path) -> Result<String, Failure> {
    let named = &case.run.scenario;
    let folder = file.parent().unwrap_or(Path::new(""));
    let beside = Path::new(named).file_name().unwrap_or_default();
    let places = [
        named.into(),
        folder.join(named).display().to_string(),
        folder.join(beside).display().to_string(),
    ];
    let found = places.into_iter().find(|place| target::exists(place));
    found.ok_or_else(|| {
        let help = target::meant(named).unwrap_or("put the scenario beside its case".into());
        let message = format!(
            "{} is a run of the scenario `{named}`, which is neither in the catalogue nor a file, seen \
             from here or from the case ({help})",
            file.display()
        );
        Failure::new(Exit::Nothing, message)
    })
}
