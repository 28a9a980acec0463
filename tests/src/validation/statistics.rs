//! Intervals around what was measured: independent replications, and Student's t over their means
//! (A. M. Law, *Simulation Modeling and Analysis*, chapter 9).

use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// How sure the intervals are meant to be.
pub const CONFIDENCE: f64 = 0.99;

/// A mean with the interval in which the true one is meant to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub mean: f64,
    /// Its distance to either end.
    pub half: f64,
}

impl Interval {
    /// The interval over the results of independent replications.
    ///
    /// # Panics
    /// If there are fewer than two.
    pub fn over(results: &[f64]) -> Self {
        assert!(results.len() > 1, "one replication has no spread");
        let count = results.len() as f64;
        let mean = results.iter().sum::<f64>() / count;
        let squares: f64 = results.iter().map(|result| (result - mean).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        let half = student_quantile(CONFIDENCE, results.len() - 1) * error;
        Self { mean, half }
    }
}

/// How far from zero Student's t with `freedom` degrees of freedom stays with probability `within`.
pub fn student_quantile(within: f64, freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1e4);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if student_within(middle, freedom) < within {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability that |t| is at most `bound`: Abramowitz and Stegun, 26.7.3 and 26.7.4.
fn student_within(bound: f64, freedom: usize) -> f64 {
    let angle = (bound / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let is_odd = freedom % 2 == 1;
    let (mut term, mut sum) = if is_odd { (cosine, 0.0) } else { (1.0, 0.0) };
    let mut next = if is_odd { 2.0 } else { 1.0 };
    for _ in 0..freedom / 2 {
        sum += term;
        term *= cosine * cosine * next / (next + 1.0);
        next += 2.0;
    }
    if is_odd {
        std::f64::consts::FRAC_2_PI * (angle + sine * sum)
    } else {
        sine * sum
    }
}

/// Carries out one replication for each seed, on as many threads as there are processors; the results
/// come in the order of the seeds. `say` hears how many are done.
pub fn replicate<T: Send>(
    seeds: Range<u64>,
    say: &(dyn Fn(u64) + Sync),
    replication: impl Fn(u64) -> T + Sync,
) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let done = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    let result = replication(seed);
                    let mut done = done
                        .lock()
                        .expect("a replication that panics ends them all");
                    done.push((seed, result));
                    say(done.len() as u64);
                }
            });
        }
    });
    let mut done = done.into_inner().expect("all threads have ended");
    done.sort_by_key(|(seed, _)| *seed);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_student_are_as_tabulated() {
        for (freedom, tabulated) in [
            (1, 63.657),
            (2, 9.925),
            (9, 3.250),
            (10, 3.169),
            (39, 2.708),
        ] {
            let found = student_quantile(0.99, freedom);
            assert!((found - tabulated).abs() < 1e-3, "{freedom}: {found}");
        }
    }

    #[test]
    fn an_interval_is_the_mean_and_its_error_times_t() {
        let interval = Interval::over(&[1.0, 2.0, 3.0]);
        assert_eq!(interval.mean, 2.0);
        // The error of the mean is 1 / √3.
        assert!((interval.half - 9.925 / 3f64.sqrt()).abs() < 1e-3);
    }

    #[test]
    fn replications_come_in_the_order_of_their_seeds() {
        let results = replicate(3..50, &|_| {}, |seed| seed * 2);
        assert_eq!(results, (3..50).map(|seed| seed * 2).collect::<Vec<_>>());
    }
}
