//! What all time axes of a run share: its length, the end of its load, its faults.

use crate::series::{FaultBand, faults};
use windtunnel_record::RunRecord;

/// The time axis of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The length of the run in seconds, never zero.
    pub end: f64,
    /// When the load ended, if it ended inside the run.
    pub settled_from: Option<f64>,
    /// The faults that happened.
    pub bands: Vec<FaultBand>,
}

impl Timeline {
    /// The time axis of a run.
    pub fn of(run: &RunRecord) -> Self {
        let last = run.events.last();
        let last = last.map_or(0.0, |record| record.at.as_secs_f64());
        let end = run.simulated.as_secs_f64().max(last).max(1e-3);
        let settled = run.settled_from.as_secs_f64();
        Self {
            end,
            settled_from: (settled > 0.0 && settled < end).then_some(settled),
            bands: faults(run),
        }
    }
}
