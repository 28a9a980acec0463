//! How many operations were asked and answered, by outcome.

use super::Grid;
use serde::Serialize;
use windtunnel_record::{Outcome, RunRecord};

/// Operations per second and bucket. An answer counts when it came, a question when it was due.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Throughput {
    /// The buckets.
    pub grid: Grid,
    /// Operations asked per second.
    pub asked: Vec<f64>,
    /// Answers that say it happened, per second.
    pub ok: Vec<f64>,
    /// Answers that say it did not happen, per second.
    pub fail: Vec<f64>,
    /// Answers that leave it open, per second.
    pub unknown: Vec<f64>,
}

impl Throughput {
    /// Whether nothing was asked in the whole run.
    pub fn is_empty(&self) -> bool {
        self.asked.iter().all(|&rate| rate == 0.0)
    }
}

/// The throughput of a run.
pub fn throughput(run: &RunRecord) -> Throughput {
    let grid = Grid::over(run);
    let mut counts = [(); 4].map(|()| vec![0u64; grid.count]);
    for operation in &run.history().operations {
        counts[0][grid.index(operation.invoked)] += 1;
        if let (Some(at), Some(outcome)) = (operation.completed, operation.outcome) {
            let row = match outcome {
                Outcome::Ok => 1,
                Outcome::Fail => 2,
                Outcome::Unknown => 3,
            };
            counts[row][grid.index(at)] += 1;
        }
    }
    let [asked, ok, fail, unknown] =
        counts.map(|row| row.into_iter().map(|count| grid.rate(count)).collect());
    Throughput {
        grid,
        asked,
        ok,
        fail,
        unknown,
    }
}
