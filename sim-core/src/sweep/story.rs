//! From a failing seed to what a person needs: the same again in fresh processes, shrunk to the
//! faults that matter, kept as a case file, and told in words.

use super::{CASE, RunResult};
use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};
use windtunnel_explorer::{Broken, Doubt, Effort, examine};
use windtunnel_record::{Case, FaultPlan, RunSpec, Seed};

/// Tells what broke in `failure`, which was seen in a sweep of `test`, and writes its case file into
/// `regressions/` of the package. `run` carries out a spec in a fresh process where there can be one.
pub(super) fn of(test: &str, failure: &RunResult, run: &dyn Fn(&RunSpec) -> RunResult) -> String {
    let spec = RunSpec::new(test, Seed(failure.seed));
    let (seen, tool) = (failure.shown(), env!("CARGO_PKG_VERSION"));
    let found = examine(&spec, &seen, tool, Effort::default(), |spec, _| {
        run(spec).shown()
    });
    let found = match found {
        Ok(found) => found,
        Err(doubt @ Doubt::TwoDigests { .. }) => return doubt.to_string(),
        Err(doubt) => {
            let first = seen.broken.first();
            let rule = first.map_or("", |broken| broken.rule.as_str());
            return format!("seed {}: rule `{rule}` broke; {doubt}", failure.seed);
        }
    };
    let case = &found.case;
    let faults = case.run.faults.clone().unwrap_or_default();
    let mut text = broken_words(case.run.seed, &found.broken, &faults);
    let budget = if found.minimal {
        ""
    } else {
        " (the budget ended before it was known to be smallest)"
    };
    let _ = writeln!(
        text,
        "shrunk from {} faults to {} in {} runs{budget}",
        found.faults_before,
        found.faults_left(),
        found.shrink_runs,
    );
    let _ = match write_case(test, case) {
        Ok(line) => writeln!(text, "digest {}\nreplay it: {line}", case.digest),
        Err(error) => writeln!(text, "failed to write the case file: {error}"),
    };
    text
}

/// What broke, when, and the faults that were at work.
pub(super) fn broken_words(seed: Seed, broken: &Broken, faults: &FaultPlan) -> String {
    let Broken { rule, at, says } = broken;
    let mut text = format!("seed {seed}: rule `{rule}` broke at {at}: {says}\n");
    for fault in faults.faults() {
        let inject = serde_json::to_string(&fault.inject).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {} {} for {}: {inject}",
            fault.at, fault.id, fault.lasting
        );
    }
    text
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
