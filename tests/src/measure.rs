//! Contestants measured side by side.
//!
//! They take turns, round after round, so that a machine that gets slower for a while does so for all
//! of them; what counts is the median of each. Criterion measures one after the other, which puts the
//! machine's mood into the ratio.

use std::{
    thread,
    time::{Duration, Instant},
};

/// What is measured: does a fixed amount of work each time it is called.
pub struct Contestant<'a> {
    /// How it is called in the table.
    pub name: &'a str,
    /// Does the work.
    pub work: Box<dyn FnMut() + Send + 'a>,
}

/// The median time of each contestant over `rounds`, after one round that does not count. Each works on
/// a new thread, as a run does by itself: the allocator serves a process's first thread otherwise.
pub fn medians(rounds: usize, contestants: &mut [Contestant<'_>]) -> Vec<Duration> {
    let mut times = vec![Vec::new(); contestants.len()];
    for round in 0..=rounds {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            let took = thread::scope(|scope| {
                let work = || {
                    let started = Instant::now();
                    (contestant.work)();
                    started.elapsed()
                };
                scope.spawn(work).join()
            });
            let took = took.expect("the work does not panic");
            if round > 0 {
                times.push(took);
            }
        }
    }
    times.into_iter().map(median).collect()
}

/// The median; the upper one of two.
///
/// # Panics
/// If there is none.
pub fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).expect("no measurement is NaN"));
    values[values.len() / 2]
}

/// Prints a figure with the bar that it must reach. Whether it does.
#[must_use]
pub fn reaches(what: &str, figure: f64, bar: f64) -> bool {
    let reached = figure >= bar;
    let word = if reached { "met" } else { "MISSED" };
    println!("{what}: {figure:.2} (bar {bar}, {word})");
    reached
}

/// Prints a figure with the bar that it must not pass. Whether it keeps below.
#[must_use]
pub fn within(what: &str, figure: f64, bar: f64) -> bool {
    let kept = figure <= bar;
    let word = if kept { "met" } else { "MISSED" };
    println!("{what}: {figure:.2} (bar at most {bar}, {word})");
    kept
}
