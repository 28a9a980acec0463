//! A run as one JSON object.

use crate::metrics::Summary;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Digest, Reason, RuleReport, RunRecord, Seed, Verdict, verdict::Severity};

/// A run as `windtunnel run --format json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunObject {
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: Seed,
    /// The digest; absent if the run was aborted.
    pub digest: Option<Digest>,
    /// `held`, `violated` or `unknown`.
    pub verdict: String,
    /// How long it was in simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// How long it took, in milliseconds.
    pub wall_ms: u64,
    /// How many events there were.
    pub events: u64,
    /// How many operations the clients asked for.
    pub requests: u64,
    /// Where the run directory is, if one was written.
    pub directory: Option<String>,
    /// What came of each rule.
    pub checks: Vec<Check>,
    /// Success, latency and throughput.
    pub metrics: Metrics,
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The rule's name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// `held`, `violated`, `unmet` (a `sometimes` rule that was not met) or `unknown`.
    pub verdict: String,
    /// Whether a violation fails the run.
    pub severity: Severity,
    /// How often it was evaluated.
    pub evaluated: u64,
    /// What shows the violation.
    pub witness: Option<Broken>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What shows a violation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broken {
    /// When the rule broke, in milliseconds since the start of the run.
    pub at_ms: f64,
    /// What is wrong, in words.
    pub says: String,
    /// What never came to its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
}

/// A run in a few numbers; `null` where a run without operations has no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The share of operations that succeeded, 0 to 1.
    pub success: Option<f64>,
    /// The median latency in milliseconds.
    pub p50_ms: Option<f64>,
    /// The 99th percentile of latency in milliseconds.
    pub p99_ms: Option<f64>,
    /// The 99.9th percentile of latency in milliseconds.
    pub p999_ms: Option<f64>,
    /// Successful operations per second of load.
    pub throughput_rps: Option<f64>,
}

impl RunObject {
    /// The object for a run; `directory` is where its files were written, if anywhere.
    pub fn of(run: &RunRecord, directory: Option<&str>) -> Self {
        let summary = Summary::of(run);
        Self {
            scenario: run.spec.scenario.clone(),
            seed: run.spec.seed,
            digest: Some(run.digest),
            verdict: run.verdict().into(),
            simulated_ms: run.simulated.as_nanos() / 1_000_000,
            wall_ms: run.wall_ms,
            events: run.event_count,
            requests: summary.requests(),
            directory: directory.map(Into::into),
            checks: run.rules.iter().map(Check::of).collect(),
            metrics: Metrics {
                success: summary.success,
                p50_ms: summary.p50_ms,
                p99_ms: summary.p99_ms,
                p999_ms: summary.p999_ms,
                throughput_rps: summary.throughput_rps,
            },
        }
    }
}

impl Check {
    /// What came of a rule.
    pub fn of(rule: &RuleReport) -> Self {
        let reason = match &rule.verdict {
            Verdict::Unknown(reason) => Some(reason.to_string()),
            _ => None,
        };
        Self {
            id: rule.id.clone(),
            kind: rule.kind.clone(),
            verdict: verdict_word(&rule.verdict).into(),
            severity: rule.severity,
            evaluated: rule.evaluated,
            witness: rule.witness().map(|witness| Broken {
                at_ms: witness.at.as_nanos() as f64 / 1e6,
                says: witness.says.clone(),
                pending: witness.pending.clone(),
            }),
            reason,
        }
    }

    /// Whether this violation fails the run.
    pub fn fails(&self) -> bool {
        self.severity == Severity::Error && self.verdict == "violated"
    }
}

/// A rule's verdict in a word.
pub(crate) const fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Violated(_) => "violated",
        Verdict::Unknown(Reason::NotMet) => "unmet",
        Verdict::Unknown(_) => "unknown",
    }
}
