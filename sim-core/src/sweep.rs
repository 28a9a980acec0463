//! Many seeds of one description, as a Rust test writes it.
//!
//! The seeds run in children of the test binary itself: a run that aborts, overflows its stack or
//! loops for ever is a recorded result of that seed, and the sweep goes on. What
//! `WINDTUNNEL_CASE=FILE` names is run alone and in place; it selects what runs, never how.

mod story;

use crate::{
    Settings, Tunnel, audit,
    children::{self, Children},
    execute,
};
use serde::{Deserialize, Serialize};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use windtunnel_explorer::{Broken, Doubt, Shown, agree};
use windtunnel_record::{Digest, FaultPlan, Reason, RuleReport, RunSpec, Seed, Span, Verdict};

/// The variable that names a case to replay.
const CASE: &str = "WINDTUNNEL_CASE";

pub(crate) type Describe = Arc<dyn Fn(&mut Tunnel) + Send + Sync>;

/// How long a run may take on the machine before it is given up, where the test does not say.
pub(crate) const PATIENCE: Span = Span::from_secs(60);

/// Runs what `describe` describes for every seed in `seeds`. The result is judged by
/// [`Swept::held`].
///
/// In a test the seeds run in children of its binary; the second and later sweeps of one test run in
/// place. The first seed runs once more in a process that has carried out others: if it takes
/// another course there, something outside of the simulation has a say in the runs. A run in a child
/// that takes more than a minute of the machine's time is ended, and did not hold
/// ([`sweep_with_patience`] waits for longer); one in place is waited for.
///
/// # Panics
/// If a run cannot be started: without the simulated build, without the wrapped clock, or because
/// what is described cannot be, such as a fault at a host that does not exist. If `WINDTUNNEL_CASE`
/// names what is no case of this test.
#[track_caller]
pub fn sweep(seeds: Range<u64>, describe: impl Fn(&mut Tunnel) + Send + Sync + 'static) -> Swept {
    sweep_with_patience(seeds, PATIENCE, describe)
}

/// The same as [`sweep`], for runs that may take up to `patience` of the machine's time each. It is
/// rounded up to milliseconds.
///
/// # Panics
/// As [`sweep`].
#[track_caller]
pub fn sweep_with_patience(
    seeds: Range<u64>,
    patience: Span,
    describe: impl Fn(&mut Tunnel) + Send + Sync + 'static,
) -> Swept {
    let describe: Describe = Arc::new(describe);
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    if let Some(assignment) = children::assignment() {
        assignment.carry_out(patience, |spec, log| run_here(spec, &describe, log));
    }
    if let Some(path) = std::env::var_os(CASE) {
        return replay(&PathBuf::from(path), &test, &describe);
    }
    let children = Children::of(&test, patience);
    let specs: Vec<_> = seeds.map(|seed| RunSpec::new(&test, Seed(seed))).collect();
    let results = match &children {
        Some(children) => children.run_all(&specs),
        None => {
            let and_again = specs.iter().chain(specs.first());
            and_again
                .map(|spec| run_here(spec, &describe, None))
                .collect()
        }
    };
    let mut results = results.unwrap_or_else(|why| panic!("{why}"));
    let repeated = results.pop();
    Swept {
        test,
        results,
        repeated,
        describe,
        children,
        is_replay: false,
    }
}

/// What came of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunResult {
    pub(crate) seed: u64,
    pub(crate) digest: Option<Digest>,
    rules: Vec<RuleReport>,
    faults: FaultPlan,
    /// The limit that stopped it.
    limit: Option<String>,
    /// Why there is no result: the run's process died.
    pub(crate) aborted: Option<String>,
}

impl RunResult {
    /// The result of a run whose process died.
    pub(crate) fn aborted(seed: u64, why: String) -> Self {
        Self {
            seed,
            digest: None,
            rules: Vec::new(),
            faults: FaultPlan::default(),
            limit: None,
            aborted: Some(why),
        }
    }

    /// What a finding asks of it.
    fn shown(&self) -> Shown {
        Shown {
            digest: self.digest,
            faults: self.faults.clone(),
            broken: Broken::of(&self.rules),
            aborted: self.aborted.clone(),
        }
    }
}

/// Runs `spec` in this process, and leaves all of its events in `log` if asked to. Gives why there was
/// no run, if it could not be started.
pub(crate) fn run_here(
    spec: &RunSpec,
    describe: &Describe,
    log: Option<&Path>,
) -> Result<RunResult, String> {
    let describe = describe.clone();
    let settings = Settings {
        keep_packets: log.is_some(),
        ..Settings::default()
    };
    let record = execute(spec, settings, move |tunnel| describe(tunnel));
    let record = record.map_err(|error| format!("seed {}: {error}", spec.seed))?;
    if let Some(log) = log {
        audit::write_log(log, &record);
    }
    Ok(RunResult {
        seed: spec.seed.0,
        digest: Some(record.digest),
        limit: record.limit().map(Into::into),
        rules: record.rules,
        faults: record.faults,
        aborted: None,
    })
}

fn replay(path: &PathBuf, test: &str, describe: &Describe) -> Swept {
    let case = story::read_case(path, test);
    let result = run_here(&case.run, describe, None);
    let result = result.unwrap_or_else(|why| panic!("{why}"));
    let same_rule = result
        .rules
        .iter()
        .any(|rule| rule.id == case.rule && rule.fails());
    let said = match (result.digest == Some(case.digest), same_rule) {
        (_, false) => "no longer reproduces: its rule is not broken",
        (true, true) => "reproduced: the digest is as recorded",
        (false, true) => "still fails, by another path than recorded",
    };
    let digest = result.digest.unwrap_or(case.digest);
    eprintln!("{}: {said}\ndigest {digest}", path.display());
    Swept {
        test: test.into(),
        results: vec![result],
        repeated: None,
        describe: describe.clone(),
        children: None,
        is_replay: true,
    }
}

/// What came of a sweep.
#[must_use = "nothing is judged until `held` is called"]
pub struct Swept {
    test: String,
    results: Vec<RunResult>,
    /// The first seed when it ran once more.
    repeated: Option<RunResult>,
    describe: Describe,
    children: Option<Children>,
    is_replay: bool,
}

impl Swept {
    /// Judges the sweep: every run must have come to its end without hitting a limit, every rule must
    /// have held on every seed, and every `sometimes` rule must have been met on some seed.
    ///
    /// # Panics
    /// Otherwise: with what broke, the case file, and the line that replays it.
    #[track_caller]
    pub fn held(self) {
        if let Some(words) = self.nondeterminism() {
            panic!("{words}");
        }
        if let Some(failure) = self.first_failure() {
            panic!("{}", self.story(failure));
        }
        if let Some(aborted) = self.results.iter().find(|result| result.aborted.is_some()) {
            let why = aborted.aborted.as_deref().unwrap_or_default();
            panic!("seed {} did not finish: {why}", aborted.seed);
        }
        if let Some((seed, limit)) = self.first_limit() {
            panic!("seed {seed} came to no verdict: {limit}");
        }
        if let Some((seed, rule, reason)) = self.first_undecided() {
            panic!("seed {seed}: rule `{rule}` could not be judged: {reason}");
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

    /// Says that the first seed took two courses, or came to no end when it ran once more.
    fn nondeterminism(&self) -> Option<String> {
        let first = self
            .results
            .first()
            .filter(|first| first.aborted.is_none())?;
        let repeated = self.repeated.as_ref()?;
        let doubt = agree(Seed(first.seed), &first.shown(), &repeated.shown()).err()?;
        let mut text = doubt.to_string();
        let spec = RunSpec::new(&self.test, Seed(first.seed));
        let children = self.children.as_ref();
        let differs = matches!(doubt, Doubt::TwoDigests { .. });
        let told = children.filter(|_| differs);
        if let Some(told) = told.and_then(|children| audit::again(children, &spec)) {
            text += &format!("\nin two further runs of the seed {told}");
        }
        Some(text)
    }

    fn first_failure(&self) -> Option<&RunResult> {
        let fails = |result: &&RunResult| result.rules.iter().any(RuleReport::fails);
        self.results.iter().find(fails)
    }

    fn first_limit(&self) -> Option<(u64, &str)> {
        let mut results = self.results.iter();
        results.find_map(|result| Some((result.seed, result.limit.as_deref()?)))
    }

    /// A rule of which a run does not tell whether it held; a `sometimes` rule that was not met is
    /// judged over all seeds.
    fn first_undecided(&self) -> Option<(u64, &str, &Reason)> {
        self.results.iter().find_map(|result| {
            let reasons = result.rules.iter().filter_map(|rule| match &rule.verdict {
                Verdict::Unknown(reason) if !rule.is_unmet() => Some((&rule.id, reason)),
                _ => None,
            });
            let (id, reason) = reasons.into_iter().next()?;
            Some((result.seed, id.as_str(), reason))
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

    /// Tells what happened, and writes the case file unless one is being replayed.
    fn story(&self, failure: &RunResult) -> String {
        let shown = failure.shown();
        if let (true, Some(broken)) = (self.is_replay, shown.broken.first()) {
            return story::broken_words(Seed(failure.seed), broken, &shown.faults);
        }
        story::of(&self.test, failure, &|spec| match &self.children {
            Some(children) => children.run_alone(spec),
            None => run_here(spec, &self.describe, None)
                .unwrap_or_else(|why| RunResult::aborted(spec.seed.0, why)),
        })
    }
}
