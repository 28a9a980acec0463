//! One seed of a sweep as one line of JSON. Workers write it, the sweep reads it.

use super::{Metrics, RunObject};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use windtunnel_record::{RunRecord, Seed};

/// What came of one seed: the fields of [`RunObject`] and what a sweep counts besides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedLine {
    /// The run.
    #[serde(flatten)]
    pub run: RunObject,
    /// The kinds of fault that happened, by name.
    #[serde(default)]
    pub fault_kinds: Vec<String>,
    /// The kinds of fault that touched a request in flight, in order of their first hit.
    pub fault_kinds_hit: Vec<String>,
    /// Why the run did not come to its end: a limit, or the worker died.
    pub aborted: Option<String>,
}

impl SeedLine {
    /// The line for a run; `directory` is where its files were written, if anywhere.
    pub fn of(run: &RunRecord, directory: Option<&str>) -> Self {
        let kinds: BTreeSet<_> = run
            .faults
            .faults()
            .iter()
            .map(|f| f.inject.kind())
            .collect();
        let hit = run.fault_kinds_that_hit();
        Self {
            run: RunObject::of(run, directory),
            fault_kinds: kinds.into_iter().map(Into::into).collect(),
            fault_kinds_hit: hit.into_iter().map(Into::into).collect(),
            aborted: run.limit().map(Into::into),
        }
    }

    /// The line for a seed whose worker died, with what is known of its end.
    pub fn lost(scenario: &str, seed: Seed, wall_ms: u64, why: &str) -> Self {
        Self {
            run: RunObject {
                scenario: scenario.into(),
                seed,
                digest: None,
                verdict: "unknown".into(),
                simulated_ms: 0,
                wall_ms,
                events: 0,
                requests: 0,
                directory: None,
                checks: Vec::new(),
                metrics: Metrics::default(),
            },
            fault_kinds: Vec::new(),
            fault_kinds_hit: Vec::new(),
            aborted: Some(why.into()),
        }
    }

    /// `held`, `violated`, `unknown` or `aborted`. A violation seen before an abort stays one.
    pub fn status(&self) -> &str {
        match &self.aborted {
            Some(_) if self.run.verdict != "violated" => "aborted",
            _ => &self.run.verdict,
        }
    }
}
