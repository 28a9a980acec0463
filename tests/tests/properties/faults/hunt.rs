//! Looks for a plan that breaks safety, makes it small, and tells it as a case file.

use super::{
    plans::plans,
    shop::{Shop, broken, is_safety},
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestError, TestRunner},
};
use std::{cell::RefCell, fs, path::Path};
use windtunnel::explorer::{Effort, Shown, examine};
use windtunnel_record::{Case, RunSpec};

/// What the last shrinking may cost.
const EFFORT: Effort = Effort {
    runs: 40,
    schedules: 2,
    confirmations: 1,
};

/// A run that breaks safety.
pub struct Find {
    /// The run as it was found.
    spec: RunSpec,
    /// What is left of it.
    case: Case,
}

/// Runs the shop under random seeds and plans until one breaks a rule of safety.
///
/// What was found is shrunk twice. The strategy's own values know gentler kinds, fewer hosts and
/// shorter delays; the explorer tries other schedules and both halves of every window. Another rule
/// that breaks on the way is another failure and not followed.
pub fn hunt(shop: &Shop, runner: &mut TestRunner) -> Option<Find> {
    let strategy = (
        (0..1_000_000u64).no_shrink(),
        plans(&shop.hosts(), shop.load()),
    );
    let first: RefCell<Option<(RunSpec, String)>> = RefCell::default();
    let outcome = runner.run(&strategy, |(seed, plan)| {
        let spec = shop.spec(seed, plan);
        let run = shop.run(&spec);
        let Some(report) = broken(&run) else {
            return Ok(());
        };
        let mut first = first.borrow_mut();
        let (_, rule) = first.get_or_insert_with(|| (spec, report.id.clone()));
        if *rule == report.id {
            Err(TestCaseError::fail(rule.clone()))
        } else {
            Ok(())
        }
    });
    match outcome {
        Ok(()) => None,
        Err(TestError::Abort(why)) => panic!("the property was not tried: {why}"),
        Err(TestError::Fail(_, (seed, plan))) => {
            let (spec, _) = first.into_inner().expect("the first failure is kept");
            let case = smallest(shop, &shop.spec(seed, plan));
            Some(Find { spec, case })
        }
    }
}

/// The case of a failing run, after a last shrinking.
fn smallest(shop: &Shop, spec: &RunSpec) -> Case {
    let shown = |spec: &RunSpec| {
        let run = shop.run(spec);
        let mut shown = Shown::of(&run);
        shown.broken.retain(|broken| is_safety(&broken.rule));
        shown
    };
    let (tool, seen) = (env!("CARGO_PKG_VERSION"), shown(spec));
    let found = examine(spec, &seen, tool, EFFORT, |spec, _| shown(spec));
    found.expect("a run in this process takes one course").case
}

impl Find {
    /// How many faults the plan had when it was found.
    pub fn faults_before(&self) -> usize {
        faults(&self.spec)
    }

    /// Writes the case file into `directory`; the answer is its name.
    pub fn store(&self, directory: &Path) -> String {
        let name = format!("shop-{}-{}.case.toml", self.case.rule, self.case.run.seed);
        fs::create_dir_all(directory).expect("the directory can be made");
        fs::write(directory.join(&name), self.case.to_toml()).expect("the case can be written");
        name
    }

    /// What broke, and the line that replays the case file at `path`.
    pub fn story(&self, path: &str) -> String {
        let (before, after) = (self.faults_before(), faults(&self.case.run));
        format!(
            "{} (at {}; {before} faults, {after} left)\ncargo run --release -- replay {path}",
            self.case.about, self.case.broke_at,
        )
    }
}

fn faults(spec: &RunSpec) -> usize {
    spec.faults.as_ref().map_or(0, |plan| plan.faults().len())
}
