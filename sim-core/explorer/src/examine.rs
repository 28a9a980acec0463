//! From a run that broke a rule to a case: seen again, shrunk to the faults that matter, and
//! confirmed as it is then.

use crate::shrink;
use std::fmt;
use windtunnel_record::{
    Case, Digest, FaultPlan, Moment, RuleReport, RunRecord, RunSpec, Seed, case,
};

/// What a run showed, as far as a finding asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// Its digest; none if it came to no end.
    pub digest: Option<Digest>,
    /// The faults that were carried out.
    pub faults: FaultPlan,
    /// The rules that broke and that a finding may be about, in their order.
    pub broken: Vec<Broken>,
    /// Why there is no result.
    pub aborted: Option<String>,
}

/// A rule that broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: String,
    /// When.
    pub at: Moment,
    /// What is wrong, in words.
    pub says: String,
}

impl Broken {
    /// The rules that broke among all that were judged.
    pub fn of(rules: &[RuleReport]) -> Vec<Self> {
        let broken = rules.iter().filter(|rule| rule.fails()).map(|rule| {
            let (at, says) = rule.witness().map_or((Moment::START, ""), |witness| {
                (witness.at, witness.says.as_str())
            });
            Self {
                rule: rule.id.clone(),
                at,
                says: says.into(),
            }
        });
        broken.collect()
    }
}

impl Shown {
    /// What a run showed that came to its end.
    pub fn of(run: &RunRecord) -> Self {
        Self {
            digest: Some(run.digest),
            faults: run.faults.clone(),
            broken: Broken::of(&run.rules),
            aborted: None,
        }
    }

    /// What there is of a run that came to no end.
    pub fn aborted(why: impl Into<String>) -> Self {
        Self {
            aborted: Some(why.into()),
            ..Self::default()
        }
    }

    fn breaks(&self, rule: &str) -> Option<&Broken> {
        self.broken.iter().find(|broken| broken.rule == rule)
    }
}

/// What a run is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be believed: in a process that has done nothing else, where there is one.
    Confirm,
    /// To learn whether it still fails.
    Shrink,
}

/// How much is done about a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The most runs that shrinking takes; zero leaves the faults as they are.
    pub runs: usize,
    /// The schedules under which each smaller run is tried.
    pub schedules: u64,
    /// How many runs must agree on the digest of what is left.
    pub confirmations: u32,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            runs: 80,
            schedules: 2,
            confirmations: 2,
        }
    }
}

/// A violation that can be relied on.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What broke in it.
    pub broken: Broken,
    /// What is to be kept.
    pub case: Case,
    /// How many runs agreed on its digest.
    pub confirmations: u32,
    /// How many faults there were when it was found.
    pub faults_before: usize,
    /// How many runs shrinking took; none if it was not shrunk.
    pub shrink_runs: usize,
    /// Whether no single move makes it smaller.
    pub minimal: bool,
}

impl Found {
    /// How many faults the case needs.
    pub fn faults_left(&self) -> usize {
        let faults = self.case.run.faults.as_ref();
        faults.map_or(0, |plan| plan.faults().len())
    }
}

/// Why a violation cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// One seed took two courses.
    #[error(
        "seed {seed} gave two digests, {} and {}: something outside of the simulation has a say in \
         the run (usually a process-wide counter, `futures::select!`, which draws from one, an \
         address, or what an earlier run left in a static)",
        OrNone(.one), OrNone(.other)
    )]
    TwoDigests {
        /// The seed.
        seed: Seed,
        /// The digest of the first run.
        one: Option<Digest>,
        /// The digest of a later one.
        other: Option<Digest>,
    },
    /// A run of it came to no end.
    #[error("seed {seed} did not finish when it was run again: {why}")]
    Aborted {
        /// The seed.
        seed: Seed,
        /// Why.
        why: String,
    },
    /// It holds once its faults are written out.
    #[error(
        "seed {seed} holds once its faults are written out, which is a bug of the harness or of what \
         was described"
    )]
    Vanished {
        /// The seed.
        seed: Seed,
    },
}

struct OrNone<'d>(&'d Option<Digest>);

impl fmt::Display for OrNone<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(digest) => digest.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// Two runs of `seed` must have come to their end by the same course.
///
/// # Errors
/// If one was aborted, or their digests differ.
pub fn agree(seed: Seed, one: &Shown, other: &Shown) -> Result<(), Doubt> {
    if let Some(why) = one.aborted.as_ref().or(other.aborted.as_ref()) {
        let why = why.clone();
        return Err(Doubt::Aborted { seed, why });
    }
    if one.digest == other.digest {
        return Ok(());
    }
    Err(Doubt::TwoDigests {
        seed,
        one: one.digest,
        other: other.digest,
    })
}

/// Makes a case of the first rule that `seen`, the run of `spec`, broke. `run` carries out a spec;
/// `tool` is the version that the case is written with.
///
/// The run is made once more, its faults are written out and shrunk, and what is left must take one
/// course as often as `effort` asks. Where other rules break on the way, that is another failure and
/// not followed.
///
/// # Errors
/// If what was seen is not seen again.
pub fn examine(
    spec: &RunSpec,
    seen: &Shown,
    tool: &str,
    effort: Effort,
    mut run: impl FnMut(&RunSpec, Purpose) -> Shown,
) -> Result<Found, Doubt> {
    let seed = spec.seed;
    let again = run(spec, Purpose::Confirm);
    agree(seed, seen, &again)?;
    let Some(rule) = seen.broken.first().map(|broken| broken.rule.as_str()) else {
        return Err(Doubt::Vanished { seed });
    };
    let faults_before = again.faults.faults().len();
    let mut spec = spec.clone();
    spec.faults = Some(again.faults);
    let (mut shrink_runs, mut minimal) = (0, faults_before == 0);
    if effort.runs > 0 && faults_before > 0 {
        let shrunk = shrink(&spec, effort.runs, effort.schedules, |candidate| {
            let shown = run(candidate, Purpose::Shrink);
            shown.breaks(rule).map(|broken| broken.rule.clone())
        });
        (shrink_runs, minimal) = (shrunk.runs, shrunk.minimal);
        spec = shrunk.spec;
    }
    let last = run(&spec, Purpose::Confirm);
    for _ in 1..effort.confirmations {
        agree(seed, &last, &run(&spec, Purpose::Confirm))?;
    }
    agree(seed, &last, &last)?;
    let (Some(broken), Some(digest)) = (last.breaks(rule), last.digest) else {
        return Err(Doubt::Vanished { seed });
    };
    Ok(Found {
        broken: broken.clone(),
        case: Case {
            format: case::FORMAT,
            about: format!("{}: {}", broken.rule, broken.says),
            tool: tool.into(),
            rule: broken.rule.clone(),
            broke_at: broken.at,
            digest,
            run: spec,
        },
        confirmations: effort.confirmations,
        faults_before,
        shrink_runs,
        minimal,
    })
}

#[cfg(test)]
mod tests;
