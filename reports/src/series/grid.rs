//! Simulated time cut into equal buckets.

use serde::Serialize;
use windtunnel_record::{Moment, RunRecord, Span};

/// The widths that read well on an axis, in milliseconds.
const WIDTHS: [u64; 13] = [
    100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000,
    86_400_000,
];

/// The most buckets a run is cut into, unless it is longer than [`WIDTHS`] foresees.
const MOST: u64 = 90;

/// Equal buckets from the start of a run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Grid {
    /// How long a bucket is.
    pub width: Span,
    /// How many there are, at least one.
    pub count: usize,
}

impl Grid {
    /// The grid for a run: the narrowest buckets of which at most 90 cover it.
    pub fn over(run: &RunRecord) -> Self {
        let last_event = run.events.last().map_or(0, |record| record.at.as_nanos());
        let end = run.simulated.as_nanos().max(last_event);
        let width = WIDTHS
            .iter()
            .map(|&millis| Span::from_millis(millis))
            .find(|width| end.div_ceil(width.as_nanos()) <= MOST)
            .unwrap_or(Span::from_millis(WIDTHS[WIDTHS.len() - 1]));
        let count = end.div_ceil(width.as_nanos()).max(1) as usize;
        Self { width, count }
    }

    /// The bucket of an instant; instants after the end belong to the last.
    pub fn index(&self, at: Moment) -> usize {
        ((at.as_nanos() / self.width.as_nanos()) as usize).min(self.count - 1)
    }

    /// When a bucket begins, in seconds since the start of the run.
    pub fn start(&self, index: usize) -> f64 {
        index as f64 * self.width.as_secs_f64()
    }

    /// The middle of a bucket, in seconds since the start of the run.
    pub fn middle(&self, index: usize) -> f64 {
        (index as f64 + 0.5) * self.width.as_secs_f64()
    }

    /// Turns a count in one bucket into a rate per second.
    pub fn rate(&self, count: u64) -> f64 {
        count as f64 / self.width.as_secs_f64()
    }
}
