//! A run in a few numbers.

use crate::series::{histogram, quantile_ms, take};
use serde::{Deserialize, Serialize};
use windtunnel_record::{Outcome, RunRecord};

/// Success, latency and throughput of a whole run. What cannot be said of a run without operations
/// is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The share of operations that are known to have happened, 0 to 1. Pending ones count as not.
    pub success: Option<f64>,
    /// The median latency of all answers, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The 99th percentile, in milliseconds.
    pub p99_ms: Option<f64>,
    /// The 99.9th percentile, in milliseconds.
    pub p999_ms: Option<f64>,
    /// Successful operations per second while the load lasted.
    pub throughput_rps: Option<f64>,
    /// How many operations happened.
    #[serde(default)]
    pub ok: u64,
    /// How many certainly did not.
    #[serde(default)]
    pub fail: u64,
    /// How many may or may not have happened.
    #[serde(default)]
    pub unknown: u64,
    /// How many never had an answer.
    #[serde(default)]
    pub pending: u64,
}

impl Summary {
    /// The numbers of a run.
    pub fn of(run: &RunRecord) -> Self {
        let mut summary = Self::default();
        let mut latencies = histogram();
        for operation in &run.history().operations {
            match operation.outcome {
                Some(Outcome::Ok) => summary.ok += 1,
                Some(Outcome::Fail) => summary.fail += 1,
                Some(Outcome::Unknown) => summary.unknown += 1,
                None => summary.pending += 1,
            }
            if let Some(latency) = operation.latency() {
                take(&mut latencies, latency);
            }
        }
        if summary.requests() > 0 {
            summary.success = Some(summary.ok as f64 / summary.requests() as f64);
            let load = match run.settled_from.as_secs_f64() {
                0.0 => run.simulated.as_secs_f64(),
                seconds => seconds,
            };
            summary.throughput_rps = (load > 0.0).then(|| summary.ok as f64 / load);
        }
        if !latencies.is_empty() {
            summary.p50_ms = Some(quantile_ms(&latencies, 0.5));
            summary.p99_ms = Some(quantile_ms(&latencies, 0.99));
            summary.p999_ms = Some(quantile_ms(&latencies, 0.999));
        }
        summary
    }

    /// How many operations were asked.
    pub const fn requests(&self) -> u64 {
        self.ok + self.fail + self.unknown + self.pending
    }
}
