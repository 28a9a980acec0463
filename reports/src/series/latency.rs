//! How long answers took, as percentiles over time.
//!
//! An operation belongs to the bucket in which it was due, so that a stall shows where it began,
//! and counts with its whole time since then: waiting for a busy client is not left out. Answers
//! of every outcome count; operations without an answer have no latency.

use super::Grid;
use hdrhistogram::Histogram;
use serde::Serialize;
use windtunnel_record::{RunRecord, Span};

/// Percentiles of one bucket, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatencyPoint {
    /// The bucket.
    pub bucket: usize,
    /// How many answers it holds.
    pub count: u64,
    /// Half of them took at most this long.
    pub p50: f64,
    /// Nine in ten took at most this long.
    pub p90: f64,
    /// 99 in a hundred took at most this long.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Latency percentiles of a run; buckets without answers are left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// The buckets.
    pub grid: Grid,
    /// The percentiles, in order of time.
    pub points: Vec<LatencyPoint>,
}

/// An empty histogram of microseconds with three significant digits that grows as needed.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three significant digits are allowed")
}

/// Takes a latency into a histogram; below a microsecond it counts as one.
pub(crate) fn take(histogram: &mut Histogram<u64>, latency: Span) {
    // `saturating_record` would not grow the histogram but clip the latency.
    histogram
        .record((latency.as_nanos() / 1000).max(1))
        .expect("a histogram that grows takes every number");
}

/// The quantile `q` (0 to 1) of a histogram of microseconds, in milliseconds.
pub(crate) fn quantile_ms(histogram: &Histogram<u64>, q: f64) -> f64 {
    histogram.value_at_quantile(q) as f64 / 1000.0
}

/// The latency of a run.
pub fn latency(run: &RunRecord) -> Latency {
    let grid = Grid::over(run);
    let mut buckets: Vec<Option<Histogram<u64>>> = vec![None; grid.count];
    for operation in &run.history().operations {
        if let Some(latency) = operation.latency() {
            let bucket = &mut buckets[grid.index(operation.invoked)];
            take(bucket.get_or_insert_with(histogram), latency);
        }
    }
    let points = buckets
        .iter()
        .enumerate()
        .filter_map(|(bucket, histogram)| {
            let histogram = histogram.as_ref()?;
            Some(LatencyPoint {
                bucket,
                count: histogram.len(),
                p50: quantile_ms(histogram, 0.5),
                p90: quantile_ms(histogram, 0.9),
                p99: quantile_ms(histogram, 0.99),
                max: quantile_ms(histogram, 1.0),
            })
        })
        .collect();
    Latency { grid, points }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_latencies_are_within_a_thousandth() {
        let mut seen = histogram();
        (1..=1000).for_each(|millis| take(&mut seen, Span::from_millis(millis)));
        for (q, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = quantile_ms(&seen, q);
            assert!((found / expected - 1.0_f64).abs() < 1.1e-3, "{q}: {found}");
        }
    }

    #[test]
    fn the_longest_and_the_shortest_span_are_taken() {
        let mut seen = histogram();
        take(&mut seen, Span::ZERO);
        take(&mut seen, Span::MAX);
        assert_eq!(seen.len(), 2);
        assert_eq!(quantile_ms(&seen, 0.1), 0.001);
    }
}
