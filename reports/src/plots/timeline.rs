//! What all time axes of a run share: its length, the end of its load, its faults.

use crate::series::{FaultBand, faults};
use windtunnel_record::RunRecord;

/// The most lanes of fault labels above a plot; faults beyond them are shaded without a label.
const MOST_LANES: usize = 5;

/// The width of a character of a fault label, as a share of the plot's width.
const CHARACTER: f64 = 0.0087;

/// The time axis of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The length of the run in seconds, never zero.
    pub end: f64,
    /// When the load ended, if it ended inside the run.
    pub settled_from: Option<f64>,
    /// The faults that happened.
    pub bands: Vec<FaultBand>,
    /// In which lane each band's label stands, if there was room.
    pub lanes: Vec<Option<usize>>,
}

impl Timeline {
    /// The time axis of a run.
    pub fn of(run: &RunRecord) -> Self {
        let last = run
            .events
            .last()
            .map_or(0.0, |record| record.at.as_secs_f64());
        let end = run.simulated.as_secs_f64().max(last).max(1e-3);
        let settled = run.settled_from.as_secs_f64();
        let bands = faults(run);
        let lanes = lanes(&bands, end);
        Self {
            end,
            settled_from: (settled > 0.0 && settled < end).then_some(settled),
            bands,
            lanes,
        }
    }

    /// How many lanes of labels there are.
    pub fn lane_count(&self) -> usize {
        self.lanes.iter().flatten().max().map_or(0, |lane| lane + 1)
    }
}

/// Where a label begins, as a share of the axis: at its band, or earlier if it would run over the
/// edge.
pub(super) fn label_start(band: &FaultBand, end: f64) -> f64 {
    let begin = band.from.as_secs_f64() / end;
    begin.min(1.0 - label_width(band)).max(0.0)
}

fn label_width(band: &FaultBand) -> f64 {
    (band.label().chars().count() as f64 + 1.0) * CHARACTER
}

/// Gives each band the first lane in which neither its bar nor its label covers an earlier one.
fn lanes(bands: &[FaultBand], end: f64) -> Vec<Option<usize>> {
    let mut taken: Vec<Vec<(f64, f64)>> = vec![Vec::new(); MOST_LANES];
    bands
        .iter()
        .map(|band| {
            let start = label_start(band, end);
            let stop = (start + label_width(band)).max(band.to.as_secs_f64() / end);
            let lane = taken
                .iter()
                .position(|row| row.iter().all(|&(from, to)| stop <= from || start >= to))?;
            taken[lane].push((start, stop));
            Some(lane)
        })
        .collect()
}
