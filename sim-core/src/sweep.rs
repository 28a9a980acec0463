//! Many seeds of one description, as a Rust test writes it.
//!
//! The seeds run in children of the test binary itself: a run that aborts, overflows its stack or
//! loops for ever is a recorded result of that seed, and the sweep goes on. What
//! `WINDTUNNEL_CASE=FILE` names is run alone and in place; it selects what runs, never how.

mod children;

use crate::{Settings, Tunnel, execute};
use serde::{Deserialize, Serialize};
use std::{fmt::Write as _, fs, ops::Range, path::PathBuf, sync::Arc};
use windtunnel_record::{
    Case, Digest, FaultPlan, Moment, RuleReport, RunRecord, RunSpec, Seed, case,
};

/// The variable that names a case to replay.
const CASE: &str = "WINDTUNNEL_CASE";

/// Runs what `describe` describes for every seed in `seeds`. The result is judged by
/// [`Swept::held`].
///
/// # Panics
/// If a run cannot be started at all: without the simulated build, or without the wrapped clock.
#[track_caller]
pub fn sweep(seeds: Range<u64>, describe: impl Fn(&mut Tunnel) + Send + Sync + 'static) -> Swept {
    let describe: Arc<dyn Fn(&mut Tunnel) + Send + Sync> = Arc::new(describe);
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    if let Some(path) = std::env::var_os(CASE) {
        return replay(&PathBuf::from(path), &test, &describe);
    }
    let results = match children::assignment() {
        Some(assignment) => assignment.carry_out(|seed| one(seed, &test, &describe)),
        None => children::distribute(seeds, &test)
            .unwrap_or_else(|seeds| seeds.map(|seed| one(seed, &test, &describe)).collect()),
    };
    Swept {
        test,
        results,
        describe,
        is_replay: false,
    }
}

/// What came of one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SeedResult {
    seed: u64,
    digest: Option<Digest>,
    rules: Vec<RuleReport>,
    faults: FaultPlan,
    /// Why there is no result: the run's process died.
    aborted: Option<String>,
}

fn one(seed: u64, test: &str, describe: &Arc<dyn Fn(&mut Tunnel) + Send + Sync>) -> SeedResult {
    let record = run(&RunSpec::new(test, Seed(seed)), describe);
    SeedResult {
        seed,
        digest: Some(record.digest),
        rules: record.rules,
        faults: record.faults,
        aborted: None,
    }
}

fn run(spec: &RunSpec, describe: &Arc<dyn Fn(&mut Tunnel) + Send + Sync>) -> RunRecord {
    let describe = describe.clone();
    match execute(spec, Settings::default(), move |tunnel| describe(tunnel)) {
        Ok(record) => record,
        Err(error) => panic!("{error}"),
    }
}

fn replay(
    path: &std::path::Path,
    test: &str,
    describe: &Arc<dyn Fn(&mut Tunnel) + Send + Sync>,
) -> Swept {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()));
    let case = Case::from_toml(&text)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()));
    assert_eq!(
        case.run.scenario,
        test,
        "{} is a case of another test",
        path.display()
    );
    let record = run(&case.run, describe);
    eprintln!(
        "replayed {}: digest {} ({})",
        path.display(),
        record.digest,
        if record.digest == case.digest {
            "as recorded"
        } else {
            "another path than recorded"
        }
    );
    let result = SeedResult {
        seed: case.run.seed.0,
        digest: Some(record.digest),
        rules: record.rules,
        faults: record.faults,
        aborted: None,
    };
    Swept {
        test: test.into(),
        results: vec![result],
        describe: describe.clone(),
        is_replay: true,
    }
}

/// What came of a sweep.
pub struct Swept {
    test: String,
    results: Vec<SeedResult>,
    describe: Arc<dyn Fn(&mut Tunnel) + Send + Sync>,
    is_replay: bool,
}

impl Swept {
    /// Judges the sweep: every rule must have held on every seed, and every `sometimes` rule must
    /// have been met on some seed.
    ///
    /// # Panics
    /// Otherwise: with what broke, the case file, and the line that replays it.
    #[track_caller]
    pub fn held(self) {
        if children::assignment().is_some() {
            // The parent judges.
            return;
        }
        if let Some(failure) = self.first_failure() {
            panic!("{}", self.story(failure));
        }
        if let Some(aborted) = self.results.iter().find(|result| result.aborted.is_some()) {
            let why = aborted.aborted.as_deref().unwrap_or_default();
            panic!("seed {} did not finish: {why}", aborted.seed);
        }
        if let Some((seed, rule)) = self.first_undecided() {
            panic!(
                "seed {seed}: rule `{}` could not be judged: {:?}",
                rule.id, rule.verdict
            );
        }
        if let Some(unmet) = self.unmet().filter(|_| !self.is_replay) {
            panic!("`{unmet}` was met on no seed: the runs are too gentle to prove anything");
        }
    }

    /// The violations, as `(seed, rule)`, in the order of the seeds.
    pub fn violations(&self) -> Vec<(u64, String)> {
        let failing = self.results.iter().flat_map(|result| {
            let rules = result.rules.iter().filter(|rule| rule.fails());
            rules.map(|rule| (result.seed, rule.id.clone()))
        });
        failing.collect()
    }

    /// The digests by seed.
    pub fn digests(&self) -> Vec<(u64, Digest)> {
        self.results
            .iter()
            .filter_map(|result| Some((result.seed, result.digest?)))
            .collect()
    }

    fn first_failure(&self) -> Option<&SeedResult> {
        self.results
            .iter()
            .find(|result| result.rules.iter().any(RuleReport::fails))
    }

    fn first_undecided(&self) -> Option<(u64, &RuleReport)> {
        self.results.iter().find_map(|result| {
            let undecided = result.rules.iter().find(|rule| {
                !rule.is_unmet()
                    && matches!(
                        rule.verdict,
                        windtunnel_record::Verdict::Unknown(
                            windtunnel_record::Reason::StoppedEarly(_)
                                | windtunnel_record::Reason::TooLarge(_)
                        )
                    )
            });
            undecided.map(|rule| (result.seed, rule))
        })
    }

    /// A `sometimes` rule that no seed met.
    fn unmet(&self) -> Option<String> {
        let first = self.results.first()?;
        let mut sometimes = first.rules.iter().filter(|rule| rule.kind == "sometimes");
        let unmet = sometimes.find(|rule| {
            self.results.iter().all(|result| {
                result
                    .rules
                    .iter()
                    .any(|other| other.id == rule.id && other.is_unmet())
            })
        });
        unmet.map(|rule| rule.id.clone())
    }

    /// Writes the failing run's case file and tells what happened.
    fn story(&self, failure: &SeedResult) -> String {
        let mut spec = RunSpec::new(&self.test, Seed(failure.seed));
        spec.faults = Some(failure.faults.clone());
        let record = run(&spec, &self.describe);
        let fallback = failure.rules.iter().find(|rule| rule.fails());
        let rule = record.rules.iter().find(|rule| rule.fails()).or(fallback);
        let Some(rule) = rule else {
            return "the violation does not reproduce".into();
        };
        let (at, says) = rule
            .witness()
            .map_or((Moment::START, String::new()), |witness| {
                (witness.at, witness.says.clone())
            });
        let mut text = format!(
            "seed {}: rule `{}` broke at {at}: {says}\n",
            failure.seed, rule.id
        );
        for fault in spec.faults.iter().flat_map(FaultPlan::faults) {
            let _ = writeln!(
                text,
                "  {} {} for {}: {:?}",
                fault.at, fault.id, fault.lasting, fault.inject
            );
        }
        if self.is_replay {
            return text;
        }
        let case = Case {
            format: case::FORMAT,
            about: format!("{}: {says}", rule.id),
            tool: env!("CARGO_PKG_VERSION").into(),
            rule: rule.id.clone(),
            broke_at: at,
            digest: record.digest,
            run: spec,
        };
        let _ = match write_case(&self.test, failure.seed, &case) {
            Ok(path) => writeln!(
                text,
                "digest {}\nreplay it: {CASE}={} cargo test {} -- --exact",
                case.digest,
                path.display(),
                self.test
            ),
            Err(error) => writeln!(text, "failed to write the case file: {error}"),
        };
        text
    }
}

/// Writes the case where the package's cases are kept; whole or not at all.
fn write_case(test: &str, seed: u64, case: &Case) -> std::io::Result<PathBuf> {
    let root = std::env::current_dir()?;
    let directory = root.join("regressions");
    fs::create_dir_all(&directory)?;
    let path = directory.join(format!("{}-{seed}.case.toml", test.replace("::", "-")));
    let partial = path.with_extension("partial");
    fs::write(&partial, case.to_toml())?;
    fs::rename(&partial, &path)?;
    Ok(path)
}
