//! From a seed that violated a rule to a case file, confirmed in fresh processes.

use super::{
    exit::{Exit, Failure},
    store,
    workers::{Answer, Workers},
};
use std::path::{Path, PathBuf};
use windtunnel_explorer::{Broken, Doubt, Effort, Purpose, Shown, examine};
use windtunnel_record::{Case, Moment, RunSpec};
use windtunnel_reports::{console::Finding, json::SeedLine};

/// The lines of seeds that violated a rule, those first that tell more than a canary should: of a
/// failing canary nobody wants to see the rule that it has to break.
pub fn worth_a_case<'l>(lines: &'l [SeedLine], expected: Option<&str>) -> Vec<&'l SeedLine> {
    let violated = lines.iter().filter(|line| line.status() == "violated");
    let mut violated: Vec<_> = violated.collect();
    let surprises = |line: &SeedLine| {
        let mut broken = line.run.checks.iter().filter(|check| check.fails());
        broken.any(|check| Some(check.id.as_str()) != expected)
    };
    violated.sort_by_key(|line| !surprises(line));
    violated
}

/// What a line tells, with the faults that were carried out; the rule that a canary has to break comes
/// last.
pub fn shown(answer: &Answer, expected: Option<&str>) -> Shown {
    let checks = answer.line.run.checks.iter().filter(|check| check.fails());
    let mut broken: Vec<Broken> = checks
        .map(|check| {
            let witness = check.witness.as_ref();
            let nanos = witness.map_or(0.0, |witness| (witness.at_ms * 1e6).round());
            Broken {
                rule: check.id.clone(),
                at: Moment::from_nanos(nanos as u64),
                says: witness.map_or_else(String::new, |witness| witness.says.clone()),
            }
        })
        .collect();
    broken.sort_by_key(|broken| Some(broken.rule.as_str()) == expected);
    Shown {
        digest: answer.line.run.digest,
        faults: answer.faults.clone().unwrap_or_default(),
        broken,
        aborted: answer.line.aborted.clone(),
    }
}

/// Confirms what `seen` shows of `spec`, shrinks it as far as `effort` goes, and writes its case file
/// into `directory`. `progress` hears of every run that shrinks.
///
/// # Errors
/// Exit 13 if two processes disagree on the digest, 12 if one of them did not come to its end.
pub fn of(
    spec: &RunSpec,
    seen: &Shown,
    effort: Effort,
    workers: &Workers,
    directory: &Path,
    progress: impl Fn(usize),
) -> Result<Finding, Failure> {
    let (mut runs, mut worker) = (0, None);
    let tool = env!("CARGO_PKG_VERSION");
    let found = examine(spec, seen, tool, effort, |spec, purpose| {
        let answer = match purpose {
            Purpose::Confirm => workers.run(spec, &mut None),
            Purpose::Shrink => {
                runs += 1;
                progress(runs);
                workers.run(spec, &mut worker)
            }
        };
        answer.map_or_else(
            |error| Shown::aborted(format!("{error:#}")),
            |answer| shown(&answer, None),
        )
    });
    let found = found.map_err(|doubt| Failure::from(&doubt))?;
    let path = path_of(&found.case, directory);
    store::write_whole(&path, found.case.to_toml().as_bytes())?;
    Ok(Finding {
        faults_left: found.faults_left(),
        about: found.case.about,
        digest: found.case.digest,
        confirmations: found.confirmations,
        faults_before: found.faults_before,
        shrink_runs: found.shrink_runs,
        case: store::quoted(&path),
    })
}

impl From<&Doubt> for Failure {
    fn from(doubt: &Doubt) -> Self {
        let exit = match doubt {
            Doubt::TwoDigests { .. } => Exit::Nondeterminism,
            Doubt::Aborted { .. } => Exit::Limit,
            Doubt::Vanished { .. } => Exit::Failed,
        };
        Self::new(exit, doubt)
    }
}

fn path_of(case: &Case, directory: &Path) -> PathBuf {
    let name = Path::new(&case.run.scenario)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("run");
    directory.join(format!("{name}-{}.case.toml", case.run.seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::Seed;

    #[test]
    fn a_run_that_came_to_no_end_is_no_nondeterminism() {
        let seed = Seed(1);
        let why = "its worker was ended by signal 9".to_owned();
        let aborted = Failure::from(&Doubt::Aborted { seed, why });
        assert_eq!(aborted.report(), Exit::Limit);
        let (one, other) = (None, None);
        let differing = Failure::from(&Doubt::TwoDigests { seed, one, other });
        assert_eq!(differing.report(), Exit::Nondeterminism);
    }
}
