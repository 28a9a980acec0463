//! An audit: one line for each seed that ran twice, and a closing object.

use super::ToldDifference;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Digest, Seed};

/// What came of running one seed twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditLine {
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: Seed,
    /// `same`, `differs`, or `aborted` if one of the runs came to no digest.
    pub status: String,
    /// The digests: of the fresh process, and of the one that had run others.
    pub digests: [Option<Digest>; 2],
    /// How many events the first run had.
    pub events: u64,
    /// How long both took together, in milliseconds.
    pub wall_ms: u64,
    /// Why there is nothing to compare, or no difference to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The first event in which the two runs differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<ToldDifference>,
    /// The directories of both runs, if they differ and were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directories: Option<[String; 2]>,
}

/// An audit in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditSummary {
    /// How many seeds ran twice.
    pub seeds: u64,
    /// Seeds whose digests are the same.
    pub same: u64,
    /// Seeds with two digests.
    pub differing: u64,
    /// Seeds that could not be compared.
    pub aborted: u64,
    /// How long it took, in milliseconds.
    pub wall_ms: u64,
    /// Per scenario, in the order of the first line.
    pub scenarios: Vec<AuditedScenario>,
}

/// One scenario of an audit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditedScenario {
    /// Its name.
    pub scenario: String,
    /// How many seeds ran twice.
    pub seeds: u64,
    /// Seeds whose digests are the same.
    pub same: u64,
    /// Seeds with two digests.
    pub differing: u64,
    /// Seeds that could not be compared.
    pub aborted: u64,
    /// Events of the first runs.
    pub events: u64,
    /// Time of both runs of all seeds, in milliseconds, summed over processes.
    pub wall_ms: u64,
}

impl AuditSummary {
    /// Takes in one more line. The order does not matter but for that of the scenarios.
    pub fn add(&mut self, line: &AuditLine) {
        let known = self
            .scenarios
            .iter()
            .position(|s| s.scenario == line.scenario);
        let place = known.unwrap_or_else(|| {
            self.scenarios.push(AuditedScenario {
                scenario: line.scenario.clone(),
                ..AuditedScenario::default()
            });
            self.scenarios.len() - 1
        });
        let scenario = &mut self.scenarios[place];
        self.seeds += 1;
        scenario.seeds += 1;
        scenario.events += line.events;
        scenario.wall_ms += line.wall_ms;
        let (all, one) = match line.status.as_str() {
            "same" => (&mut self.same, &mut scenario.same),
            "differs" => (&mut self.differing, &mut scenario.differing),
            _ => (&mut self.aborted, &mut scenario.aborted),
        };
        *all += 1;
        *one += 1;
    }
}
