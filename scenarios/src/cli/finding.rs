//! From a seed that violated a rule to a case file: seen again in a fresh process, shrunk to the
//! faults that matter, and confirmed in fresh processes as it is then.

use super::{
    exit::{Exit, Failure},
    store,
    workers::{Answer, Workers},
};
use std::{
    fmt::Display,
    path::{Path, PathBuf},
};
use windtunnel_explorer::shrink;
use windtunnel_record::{Case, Moment, RunSpec, Seed, case};
use windtunnel_reports::{console::Finding, json::Check, json::SeedLine};

/// The most runs that shrinking one finding takes, and the schedules under which each candidate is
/// tried.
const BUDGET: usize = 80;
const SCHEDULES: u64 = 2;
/// So many fresh processes must agree on the digest before a finding is told.
const CONFIRMATIONS: u32 = 2;

/// Confirms what `line` tells of `spec`, shrinks it if asked to, and writes its case file into
/// `directory`. `progress` hears of every run.
///
/// # Errors
/// Exit 13 if two processes disagree on the digest.
pub fn of(
    spec: &RunSpec,
    line: &SeedLine,
    shrinks: bool,
    workers: &Workers,
    directory: &Path,
    progress: impl Fn(usize),
) -> Result<Finding, Failure> {
    let again = workers.run_alone(spec)?;
    agree(spec.seed, line, &again.line)?;
    let Some(faults) = again.faults else {
        return Err(Failure::new(Exit::Failed, "a violated run told no faults"));
    };
    let faults_before = faults.faults().len();
    let mut spec = spec.clone();
    spec.faults = Some(faults);
    let mut runs = 0;
    if shrinks && faults_before > 0 {
        let mut worker = None;
        let shrunk = shrink(&spec, BUDGET, SCHEDULES, |candidate| {
            runs += 1;
            progress(runs);
            let answer = workers.run(candidate, &mut worker).ok()?;
            Some(broken(&answer)?.id.clone())
        });
        spec = shrunk.spec;
    }
    let last = workers.run_alone(&spec)?;
    for _ in 1..CONFIRMATIONS {
        agree(spec.seed, &last.line, &workers.run_alone(&spec)?.line)?;
    }
    let (Some(check), Some(digest)) = (broken(&last), last.line.run.digest) else {
        let message = "a violated run holds once its faults are written out";
        return Err(Failure::new(Exit::Failed, message));
    };
    let witness = check.witness.as_ref();
    let case = Case {
        format: case::FORMAT,
        about: format!(
            "{}: {}",
            check.id,
            witness
                .map(|witness| witness.says.as_str())
                .unwrap_or_default()
        ),
        tool: env!("CARGO_PKG_VERSION").into(),
        rule: check.id.clone(),
        broke_at: witness.map_or(Moment::START, |witness| {
            Moment::from_nanos((witness.at_ms * 1e6).round() as u64)
        }),
        digest,
        run: spec,
    };
    let path = path_of(&case, directory);
    store::write_whole(&path, case.to_toml().as_bytes())?;
    Ok(Finding {
        about: case.about,
        digest,
        confirmations: CONFIRMATIONS,
        faults_before,
        faults_left: case.run.faults.map_or(0, |plan| plan.faults().len()),
        shrink_runs: runs,
        case: store::quoted(&path),
    })
}

fn broken(answer: &Answer) -> Option<&Check> {
    answer.line.run.checks.iter().find(|check| check.fails())
}

/// Two runs of `seed` must have taken the same course.
///
/// # Errors
/// Exit 13 if they have not.
pub fn agree(seed: Seed, one: &SeedLine, other: &SeedLine) -> Result<(), Failure> {
    if one.run.digest == other.run.digest {
        return Ok(());
    }
    let shown = |line: &SeedLine| -> Box<dyn Display> {
        match line.run.digest {
            Some(digest) => Box::new(digest),
            None => Box::new("none"),
        }
    };
    let message = format!(
        "seed {} gave two digests, {} and {}: something outside of the simulation has a say in the \
         run (usually a process-wide counter, `futures::select!`, which draws from one, an address, \
         or what an earlier run left in a static)",
        seed,
        shown(one),
        shown(other)
    );
    Err(Failure::new(Exit::Nondeterminism, message))
}

fn path_of(case: &Case, directory: &Path) -> PathBuf {
    let name = Path::new(&case.run.scenario)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("run");
    directory.join(format!("{name}-{}.case.toml", case.run.seed))
}
