//! A histogram that many threads write to at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::family::{Exemplar, Reading};

/// Bounds in seconds; from what a cache answers to what a patient client waits for.
const BOUNDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// How long things took.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    counts: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
    exemplars: [Mutex<Option<Exemplar>>; BUCKETS],
}

impl Histogram {
    /// Counts one; `trace` is zero if it belongs to none.
    pub(super) fn record(&self, took: Duration, trace: u128) {
        let value = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let add = |sum: u64| Some(sum.saturating_add(nanos));
        let _ = self
            .nanos
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        if trace == 0 {
            return;
        }
        // Any of those that come at once is as good an example: nobody waits to be the one.
        if let Ok(mut exemplar) = self.exemplars[bucket].try_lock() {
            *exemplar = Some(Exemplar { value, trace });
        }
    }

    pub(super) fn read(&self) -> Reading {
        let counts = self.counts.iter();
        let exemplars = self.exemplars.iter();
        Reading {
            bounds: &BOUNDS,
            counts: counts.map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.nanos.load(Ordering::Relaxed) as f64 / 1e9,
            exemplars: exemplars
                .map(|exemplar| exemplar.try_lock().ok().and_then(|exemplar| *exemplar))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(1), 0);
        histogram.record(Duration::from_nanos(1_000_001), 7);
        histogram.record(Duration::from_secs(3_600), 0);
        let reading = histogram.read();
        assert_eq!(reading.counts[..2], [1, 1]);
        assert_eq!(reading.counts[BUCKETS - 1], 1);
        assert_eq!(reading.count(), 3);
        let exemplar = reading.exemplars[1].expect("it has a trace");
        assert_eq!((exemplar.trace, reading.exemplars[0]), (7, None));
    }

    #[test]
    fn the_sum_stops_at_the_largest_number() {
        let histogram = Histogram::default();
        histogram.record(Duration::MAX, 0);
        histogram.record(Duration::from_secs(1), 0);
        assert_eq!(histogram.read().sum, u64::MAX as f64 / 1e9);
    }
}
