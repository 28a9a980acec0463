//! Contestants measured side by side.
//!
//! They take turns, round after round, so that a machine that gets slower for a while does so for all
//! of them. What counts is the median: of a contestant's times, or of what the times of one round give
//! together. Criterion measures one after the other, which puts the machine's mood into the ratio.

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

/// What each contestant took in each round.
pub struct Rounds(Vec<Vec<Duration>>);

impl Rounds {
    /// Lets the contestants work in turn for `rounds`, after one round that does not count. Each works on
    /// a new thread, as a run does by itself, so that none finds what another left in the allocator's
    /// cache of its thread.
    pub fn of(rounds: usize, contestants: &mut [Contestant<'_>]) -> Self {
        let mut round = || contestants.iter_mut().map(time).collect();
        let _: Vec<_> = round();
        Self((0..rounds).map(|_| round()).collect())
    }

    /// The median time of each contestant.
    pub fn medians(&self) -> Vec<Duration> {
        let contestants = 0..self.0.first().map_or(0, Vec::len);
        let times_of = |at: usize| self.0.iter().map(|times| times[at]).collect();
        contestants.map(|at| median(times_of(at))).collect()
    }

    /// The median of what `figure` makes of the seconds of all contestants in one round.
    pub fn median_of(&self, figure: impl Fn(&[f64]) -> f64) -> f64 {
        let seconds = |times: &Vec<Duration>| times.iter().map(Duration::as_secs_f64).collect();
        let figures = self.0.iter().map(|times| {
            let seconds: Vec<_> = seconds(times);
            figure(&seconds)
        });
        median(figures.collect())
    }
}

fn time(contestant: &mut Contestant<'_>) -> Duration {
    let took = thread::scope(|scope| {
        let work = || {
            let started = Instant::now();
            (contestant.work)();
            started.elapsed()
        };
        scope.spawn(work).join()
    });
    took.expect("the work does not panic")
}

/// The median time of each contestant over `rounds`; see [`Rounds::of`].
pub fn medians(rounds: usize, contestants: &mut [Contestant<'_>]) -> Vec<Duration> {
    Rounds::of(rounds, contestants).medians()
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
