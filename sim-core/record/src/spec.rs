//! The value that a run is made from.

use crate::{FaultPlan, Moment, Seed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that determines a run. Equal specs under one build give equal digests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunSpec {
    /// The scenario by name, or by path of its file.
    pub scenario: String,
    /// What everything random is drawn from.
    pub seed: Seed,
    /// The order of tasks that are ready at the same instant; drawn from the seed when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<u64>,
    /// Stop early at this instant; rules that need the whole run answer `unknown` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Changed settings by dotted path (`policies.polite.retry.attempts = "5"`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, String>,
    /// Bounds that end a run as `unknown` instead of letting it eat the machine.
    #[serde(default)]
    pub limits: Limits,
    /// The explicit faults; drawn from the seed by the scenario's fault specs when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<FaultPlan>,
}

impl RunSpec {
    /// The run of `scenario` under `seed` with nothing changed.
    pub fn new(scenario: impl Into<String>, seed: Seed) -> Self {
        Self {
            scenario: scenario.into(),
            seed,
            schedule: None,
            until: None,
            overrides: BTreeMap::new(),
            limits: Limits::default(),
            faults: None,
        }
    }

    /// The number that orders tasks which are ready at the same instant.
    pub fn schedule(&self) -> u64 {
        self.schedule
            .unwrap_or_else(|| self.seed.derive("schedule"))
    }
}

/// Bounds of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// The most events.
    pub events: u64,
    /// The most task polls at one and the same instant before it counts as a spin.
    pub polls_at_one_instant: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 20_000_000,
            polls_at_one_instant: 1_000_000,
        }
    }
}
