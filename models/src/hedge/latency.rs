//! How long calls took, in the last full window of time.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

/// The longest time that is told apart.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Two histograms that take turns: one is filled, the other one is that of the window before.
#[derive(Debug)]
pub(super) struct Latencies {
    began: Instant,
    window: Duration,
    /// The number of the window that is filled.
    current: u128,
    filled: Histogram<u64>,
    last: Histogram<u64>,
}

impl Latencies {
    pub(super) fn new(window: Duration, now: Instant) -> Self {
        let longest = LONGEST.as_micros() as u64;
        // Microseconds with two digits: some kilobytes, and an error below a hundredth.
        let empty = || Histogram::new_with_bounds(1, longest, 2).expect("the bounds are valid");
        Self {
            began: now,
            window,
            current: 0,
            filled: empty(),
            last: empty(),
        }
    }

    /// A call took so long.
    pub(super) fn record(&mut self, took: Duration, now: Instant) {
        self.turn(now);
        // Rounded up, so that a delay read off later is not too short.
        let micros = took.as_nanos().div_ceil(1000).max(1);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.filled.saturating_record(micros);
    }

    /// What this share of the calls of the last full window did not exceed, if there were enough of them.
    pub(super) fn quantile(&mut self, share: f64, minimum: u64, now: Instant) -> Option<Duration> {
        self.turn(now);
        let micros = self.last.value_at_quantile(share);
        (self.last.len() >= minimum).then(|| Duration::from_micros(micros))
    }

    /// A clock that steps back stays in its window.
    fn turn(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.began).as_nanos();
        let current = elapsed / self.window.as_nanos();
        let steps = current.saturating_sub(self.current);
        if steps == 0 {
            return;
        }
        std::mem::swap(&mut self.filled, &mut self.last);
        self.filled.clear();
        if steps > 1 {
            self.last.clear();
        }
        self.current = current;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn only_the_last_full_window_counts_and_only_with_enough_calls() {
        let t = Instant::now();
        let mut latencies = Latencies::new(ms(1000), t);
        for n in 1..=100 {
            latencies.record(ms(n), t + ms(n));
        }
        let near = |got: Option<Duration>, expected: u64| {
            let got = got.unwrap().as_secs_f64() * 1e3;
            assert!((got / expected as f64 - 1.0).abs() < 0.01, "{got}");
            assert!(got >= expected as f64, "{got} is too short");
        };
        assert_eq!(latencies.quantile(0.95, 1, t + ms(999)), None);
        near(latencies.quantile(0.95, 100, t + ms(1000)), 95);
        near(latencies.quantile(0.5, 100, t + ms(1999)), 50);
        assert_eq!(latencies.quantile(0.95, 101, t + ms(1000)), None);
        // The clock steps back: the window stays.
        near(latencies.quantile(0.95, 100, t), 95);
        assert_eq!(latencies.quantile(0.95, 1, t + ms(2000)), None);
    }

    #[test]
    fn an_idle_window_leaves_nothing_of_the_one_before() {
        let t = Instant::now();
        let mut latencies = Latencies::new(ms(1000), t);
        latencies.record(ms(5), t);
        assert_eq!(latencies.quantile(0.5, 1, t + ms(2500)), None);
    }

    #[test]
    fn times_out_of_range_are_kept_at_its_ends() {
        let t = Instant::now();
        let mut latencies = Latencies::new(ms(1000), t);
        latencies.record(Duration::ZERO, t);
        latencies.record(Duration::MAX, t);
        let longest = latencies.quantile(1.0, 2, t + ms(1000)).unwrap();
        assert!(longest >= LONGEST && longest < LONGEST * 2);
    }
}
