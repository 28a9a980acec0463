//! What a station counts: its jobs, their waits and their times in the system, and the area under the
//! number of jobs in it.

use super::statistics::Interval;
use hdrhistogram::Histogram;
use tokio::time::Instant;

/// The counts of one station in one replication, from the end of the warm-up on.
#[derive(Clone, Debug)]
pub struct Tally {
    /// How many arrivals are still to be forgotten.
    warm_up: u64,
    /// What happened before does not count.
    from: Option<Instant>,
    /// Jobs that came since.
    pub arrivals: u64,
    /// Jobs that were done since.
    pub jobs: u64,
    /// How many of them waited.
    pub waited: u64,
    wait_nanos: u128,
    sojourn_nanos: u128,
    /// Their times in the system, in nanoseconds.
    pub sojourns: Histogram<u64>,
    inside: u64,
    changed: Option<Instant>,
    area_nanos: u128,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            warm_up: 0,
            from: None,
            arrivals: 0,
            jobs: 0,
            waited: 0,
            wait_nanos: 0,
            sojourn_nanos: 0,
            sojourns: Histogram::new(3).expect("three digits are allowed"),
            inside: 0,
            changed: None,
            area_nanos: 0,
        }
    }
}

impl Tally {
    /// Forgets what happens before so many arrivals from now.
    pub fn forget(&mut self, arrivals: u64) {
        self.warm_up = arrivals;
    }

    /// A job came.
    pub fn came(&mut self, now: Instant) {
        if self.from.is_none() && self.warm_up == 0 {
            self.from = Some(now);
            self.changed = Some(now);
        }
        self.warm_up = self.warm_up.saturating_sub(1);
        self.advance(now);
        self.inside += 1;
        self.arrivals += u64::from(self.from.is_some());
    }

    /// A job that came at `arrived` and got a core at `begun` was done at `done`.
    pub fn done(&mut self, arrived: Instant, begun: Instant, done: Instant) {
        self.advance(done);
        self.inside -= 1;
        if self.from.is_none() {
            return;
        }
        let wait = (begun - arrived).as_nanos();
        let sojourn = (done - arrived).as_nanos();
        self.jobs += 1;
        self.waited += u64::from(wait > 0);
        self.wait_nanos += wait;
        self.sojourn_nanos += sojourn;
        let sojourn = u64::try_from(sojourn).expect("a run is shorter than centuries");
        self.sojourns.record(sojourn).expect("it grows");
    }

    fn advance(&mut self, now: Instant) {
        if let Some(before) = self.changed.replace(now)
            && self.from.is_some()
        {
            self.area_nanos += u128::from(self.inside) * (now - before).as_nanos();
        }
    }

    /// The mean wait in milliseconds.
    pub fn mean_wait(&self) -> f64 {
        self.wait_nanos as f64 / self.jobs as f64 / 1e6
    }

    /// The mean time in the system in milliseconds.
    pub fn mean_sojourn(&self) -> f64 {
        self.sojourn_nanos as f64 / self.jobs as f64 / 1e6
    }

    /// The share of the jobs that waited.
    pub fn waiting(&self) -> f64 {
        self.waited as f64 / self.jobs as f64
    }

    /// The share of the jobs that took longer than `millis`.
    pub fn longer_than(&self, millis: f64) -> f64 {
        let within = self.sojourns.count_between(0, (millis * 1e6) as u64);
        1.0 - within as f64 / self.sojourns.len() as f64
    }

    /// The mean number in the system over the time from the warm-up to the last change, against the
    /// arrival rate in that time and the mean time in the system: 1 by Little's law.
    pub fn little(&self) -> f64 {
        let (Some(from), Some(until)) = (self.from, self.changed) else {
            return f64::NAN;
        };
        let nanos = (until - from).as_nanos() as f64;
        let inside = self.area_nanos as f64 / nanos;
        let rate = self.arrivals as f64 / nanos;
        inside / (rate * self.mean_sojourn() * 1e6)
    }
}

/// The time in milliseconds that a share of the jobs exceeds, over all replications, and its interval:
/// the times at which the interval around the share that exceeds them holds `share`. So the estimate
/// of each replication is a share, which is unbiased, and never a quantile, which is not.
pub fn exceeded_by(tallies: &[Tally], share: f64) -> (f64, f64, f64) {
    let at = |millis: f64| {
        let shares: Vec<_> = tallies
            .iter()
            .map(|tally| tally.longer_than(millis))
            .collect();
        Interval::over(&shares)
    };
    let longest = tallies.iter().map(|tally| tally.sojourns.max()).max();
    let longest = longest.unwrap_or(0) as f64 / 1e6;
    // The share falls as the time grows.
    let falls_below = |bound: &dyn Fn(Interval) -> f64| {
        let (mut low, mut high) = (0.0, longest);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if bound(at(middle)) > share {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    };
    (
        falls_below(&|interval| interval.mean),
        falls_below(&|interval| interval.mean - interval.half),
        falls_below(&|interval| interval.mean + interval.half),
    )
}
