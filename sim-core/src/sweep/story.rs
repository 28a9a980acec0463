//! From a failing seed to what a person needs: the same again in fresh processes, shrunk to the
//! faults that matter, kept as a case file, and told in words.

use super::{CASE, RunResult};
use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};
use windtunnel_explorer::{Shrunk, shrink};
use windtunnel_record::{Case, Digest, Moment, RuleReport, RunSpec, Seed, case};

/// The most runs that shrinking takes, and the schedules under which each candidate is tried.
const BUDGET: usize = 80;
const SCHEDULES: u64 = 2;

/// Tells what broke in `failure`, which was seen in a sweep of `test`, and writes its case file into
/// `regressions/` of the package. `run` carries out a spec in a fresh process where there can be one.
pub(super) fn of(test: &str, failure: &RunResult, run: &dyn Fn(&RunSpec) -> RunResult) -> String {
    let spec = RunSpec::new(test, Seed(failure.seed));
    let again = run(&spec);
    if again.digest != failure.digest {
        return two_digests(failure.seed, failure.digest, again.digest);
    }
    let mut explicit = spec;
    explicit.faults = Some(failure.faults.clone());
    let shrunk = shrink(&explicit, BUDGET, SCHEDULES, |candidate| {
        run(candidate).broken().map(|rule| rule.id.clone())
    });
    let (first, second) = (run(&shrunk.spec), run(&shrunk.spec));
    if first.digest != second.digest {
        return two_digests(failure.seed, first.digest, second.digest);
    }
    let (Some(rule), Some(digest)) = (first.broken(), first.digest) else {
        return format!(
            "seed {}: the violation does not reproduce once its faults are written out, which is a \
             bug of the harness",
            failure.seed
        );
    };
    let mut text = broken_words(failure.seed, rule, &first);
    text += &shrunk_words(failure, &shrunk);
    let (at, says) = rule.witness().map_or((Moment::START, ""), |witness| {
        (witness.at, witness.says.as_str())
    });
    let case = Case {
        format: case::FORMAT,
        about: format!("{}: {says}", rule.id),
        tool: env!("CARGO_PKG_VERSION").into(),
        rule: rule.id.clone(),
        broke_at: at,
        digest,
        run: shrunk.spec,
    };
    let _ = match write_case(test, &case) {
        Ok(line) => writeln!(text, "digest {digest}\nreplay it: {line}"),
        Err(error) => writeln!(text, "failed to write the case file: {error}"),
    };
    text
}

/// What broke, when, and the faults that were at work.
pub(super) fn broken_words(seed: u64, rule: &RuleReport, result: &RunResult) -> String {
    let (at, says) = rule.witness().map_or((Moment::START, ""), |witness| {
        (witness.at, witness.says.as_str())
    });
    let mut text = format!("seed {seed}: rule `{}` broke at {at}: {says}\n", rule.id);
    for fault in result.faults.faults() {
        let inject = serde_json::to_string(&fault.inject).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {} {} for {}: {inject}",
            fault.at, fault.id, fault.lasting
        );
    }
    text
}

fn shrunk_words(failure: &RunResult, shrunk: &Shrunk) -> String {
    let left = shrunk
        .spec
        .faults
        .as_ref()
        .map_or(0, |plan| plan.faults().len());
    format!(
        "shrunk from {} faults to {left} in {} runs{}\n",
        failure.faults.faults().len(),
        shrunk.runs,
        if shrunk.minimal {
            ""
        } else {
            " (the budget ended before it was known to be smallest)"
        }
    )
}

/// Says that one seed took two courses, and what usually is behind it.
pub(super) fn two_digests(seed: u64, one: Option<Digest>, other: Option<Digest>) -> String {
    let shown = |digest: Option<Digest>| digest.map_or("no digest".into(), |it| it.to_string());
    format!(
        "seed {seed} gave two digests, {} and {}: something outside of the simulation has a say in \
         the run (usually a process-wide counter, `futures::select!`, which draws from one, an \
         address, or what an earlier run left in a static)",
        shown(one),
        shown(other)
    )
}

/// Writes the case where the package's cases are kept, whole or not at all. Gives the line that
/// replays it.
fn write_case(test: &str, case: &Case) -> io::Result<String> {
    let directory = std::env::current_dir()?.join("regressions");
    fs::create_dir_all(&directory)?;
    let name = format!("{}-{}.case.toml", test.replace("::", "-"), case.run.seed);
    let path = directory.join(name);
    let line = replay_line(test, &path);
    let partial = path.with_extension("partial");
    fs::write(
        &partial,
        case.to_toml_with(&replay_line(test, Path::new("<this file>"))),
    )?;
    fs::rename(&partial, &path)?;
    Ok(line)
}

/// What a person pastes into a shell.
fn replay_line(test: &str, path: &Path) -> String {
    let path = path.display().to_string();
    let path = match path.as_str() {
        "<this file>" => path,
        plain => shlex::try_quote(plain).map_or_else(|_| plain.into(), Into::into),
    };
    format!("{CASE}={path} cargo test {test} -- --exact")
}

/// The case in a file, which must be one of `test`.
pub(super) fn read_case(path: &PathBuf, test: &str) -> Case {
    let failed = |error: &dyn std::fmt::Display| -> ! {
        panic!("failed to read {}: {error}", path.display())
    };
    let text = fs::read_to_string(path).unwrap_or_else(|error| failed(&error));
    let case = Case::from_toml(&text).unwrap_or_else(|error| failed(&error));
    assert_eq!(
        case.run.scenario,
        test,
        "{} is a case of another test",
        path.display()
    );
    case
}
