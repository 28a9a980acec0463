//! A law: its cases, what is measured of each, and when that agrees with theory.

use super::statistics::Interval;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A law and the cases in which it is measured.
pub struct Law {
    /// Names it in file names and on standard error.
    pub id: &'static str,
    /// Its heading on the page.
    pub title: &'static str,
    /// What it says, whose it is, and what stands in for it in the simulation.
    pub about: &'static str,
    /// What its plot shows, if its cases have lines.
    pub plot: Option<Plot>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// What the lines of a law are drawn on.
pub struct Plot {
    /// Its heading.
    pub title: &'static str,
    /// What the horizontal axis counts, with its unit.
    pub x: &'static str,
    /// What the vertical axis counts, with its unit.
    pub y: &'static str,
    /// Whether the vertical axis is logarithmic.
    pub log: bool,
}

/// A case of a law.
pub struct Case {
    /// What tells it from the others of its law.
    pub name: String,
    /// How much is measured in an ordinary test.
    pub check: Size,
    /// How much is measured for the page.
    pub full: Size,
    /// Measures it.
    pub measure: Box<dyn Fn(&Ask<'_>) -> Outcome + Sync>,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Independent replications, under the seeds from 0 on.
    pub replications: u64,
    /// How much one of them is: jobs, requests, repeats.
    pub each: u64,
    /// The widest half of an interval, as a share of what was measured.
    pub half: f64,
}

impl Size {
    /// For what has no chance in it.
    pub const ONCE: Self = Self {
        replications: 1,
        each: 1,
        half: 0.0,
    };
}

/// What a case is asked to measure.
pub struct Ask<'a> {
    /// One replication for each.
    pub seeds: Range<u64>,
    /// See [`Size::each`].
    pub each: u64,
    /// Hears how many replications are done.
    pub say: &'a (dyn Fn(u64) + Sync),
}

/// What was measured of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The figures.
    pub figures: Vec<Figure>,
    /// Lines for its plot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// Points of a plot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// The points.
    pub points: Vec<(f64, f64)>,
}

/// One number beside what theory expects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is, with its unit.
    pub what: String,
    /// What theory expects.
    pub expected: f64,
    /// What was measured.
    pub measured: f64,
    /// The 99 % interval, where the law is one of chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// When the two agree.
    pub bar: Bar,
}

/// When a figure agrees with theory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bar {
    /// What is expected lies in the interval, and the interval is narrow enough.
    InInterval,
    /// The two differ by at most this share of what is expected.
    Within(f64),
    /// What was measured is not above what is expected.
    AtMost,
    /// What was measured is not below what is expected.
    AtLeast,
}

/// What was measured of a case, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The law's name.
    pub law: String,
    /// The case's name.
    pub case: String,
    /// How many replications there were.
    pub replications: u64,
    /// How much one of them was.
    pub each: u64,
    /// Whether it took a second look.
    pub again: bool,
    /// The widest half of an interval that is allowed.
    pub half: f64,
    /// What came out.
    pub outcome: Outcome,
}

impl Figure {
    /// A figure whose theory must lie in its interval.
    pub fn estimated(what: impl Into<String>, expected: f64, interval: Interval) -> Self {
        let ends = (interval.mean - interval.half, interval.mean + interval.half);
        Self::between(what, expected, interval.mean, ends)
    }

    /// The same with an interval that need not be symmetric.
    pub fn between(
        what: impl Into<String>,
        expected: f64,
        measured: f64,
        interval: (f64, f64),
    ) -> Self {
        Self {
            what: what.into(),
            expected,
            measured,
            interval: Some(interval),
            bar: Bar::InInterval,
        }
    }

    /// A figure that is held against a bound.
    pub fn bounded(what: impl Into<String>, expected: f64, measured: f64, bar: Bar) -> Self {
        Self {
            what: what.into(),
            expected,
            measured,
            interval: None,
            bar,
        }
    }

    /// The same with the interval for readers to see.
    #[must_use]
    pub fn seen_with(mut self, interval: Interval) -> Self {
        self.interval = Some((interval.mean - interval.half, interval.mean + interval.half));
        self
    }

    /// Half the width of the interval as a share of what was measured; zero without one.
    pub fn half(&self) -> f64 {
        let width = self.interval.map_or(0.0, |(low, high)| high - low);
        width / 2.0 / self.measured.abs()
    }

    /// Whether what is expected lies in the interval; true without one.
    pub fn is_in_interval(&self) -> bool {
        self.interval
            .is_none_or(|(low, high)| (low..=high).contains(&self.expected))
    }

    /// Whether it agrees with theory, in an interval whose half is at most `half`.
    pub fn agrees(&self, half: f64) -> bool {
        match self.bar {
            Bar::InInterval => self.is_in_interval() && self.half() <= half,
            Bar::Within(share) => (self.measured / self.expected - 1.0).abs() <= share,
            Bar::AtMost => self.measured <= self.expected,
            Bar::AtLeast => self.measured >= self.expected,
        }
    }
}

impl Measured {
    /// The figures that do not agree with theory.
    pub fn disagreeing(&self) -> impl Iterator<Item = &Figure> {
        let figures = self.outcome.figures.iter();
        figures.filter(|figure| !figure.agrees(self.half))
    }
}

impl Case {
    /// Measures it under the seeds from 0 on. An interval misses the truth once in a hundred times: if
    /// one misses theory, the case is measured once more, four times as long and under the seeds that
    /// follow, and what came first does not count.
    pub fn measure(&self, law: &Law, size: Size, say: &(dyn Fn(u64, u64) + Sync)) -> Measured {
        let first = self.look(size, 0..size.replications, say);
        let misses = |figure: &Figure| figure.bar == Bar::InInterval && !figure.is_in_interval();
        let again = first.figures.iter().any(misses);
        let (outcome, replications) = if again {
            let seeds = size.replications..size.replications * 5;
            (self.look(size, seeds, say), size.replications * 4)
        } else {
            (first, size.replications)
        };
        Measured {
            law: law.id.into(),
            case: self.name.clone(),
            replications,
            each: size.each,
            again,
            half: size.half,
            outcome,
        }
    }

    fn look(&self, size: Size, seeds: Range<u64>, say: &(dyn Fn(u64, u64) + Sync)) -> Outcome {
        let all = seeds.end - seeds.start;
        (self.measure)(&Ask {
            seeds,
            each: size.each,
            say: &|done| say(done, all),
        })
    }
}
