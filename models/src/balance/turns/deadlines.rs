//! A schedule by earliest deadline, in exact arithmetic, without clock and locks.
//!
//! Everybody on it is a job whose period is one over its share; the earliest deadline is next, and comes
//! back one period later. Deadlines are fractions of two integers and are compared as such. Sums of
//! `1.0 / weight` would drift apart: with 3 and 1 the third deadline of the one falls before or after
//! the first of the other as the rounding has it, and the order changes with the time the schedule runs.

use std::cmp::Ordering;
use std::sync::Arc;

use rand_core::Rng;

use crate::chance;

/// The steps that a period has.
const PERIOD: u128 = 1 << 30;

/// A weight with 16 bits behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u64);

impl Share {
    const ONE: u64 = 1 << 16;

    /// The share of a whole weight.
    pub const fn of(weight: u32) -> Self {
        Self(weight as u64 * Self::ONE)
    }

    /// The mean of weights, to the nearest; zero if there are none.
    pub fn mean(weights: &[u32]) -> Self {
        let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        let count = weights.len().max(1) as u128;
        let mean = (sum * u128::from(Self::ONE) + count / 2) / count;
        Self(mean as u64)
    }

    /// The part of it that a factor from 0 to 1 leaves, to the nearest. What is not zero stays so.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        if factor >= 1.0 || self.0 == 0 {
            return self;
        }
        // A NaN becomes the least share.
        let part = libm::round(self.0 as f64 * factor) as u64;
        Self(part.clamp(1, self.0))
    }

    /// Whether it is none.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A point on the schedule's own time: so many steps of periods of such a share. One unit of this time is
/// as many periods of everybody as its share says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    steps: u128,
    share: Share,
}

impl Point {
    /// Exact: shares are below 2^48, and steps below 3 · 2^78 because [`Deadlines::rebase`] keeps the
    /// time below one unit and no period is longer than one.
    fn order(&self, other: &Self) -> Ordering {
        let (one, two) = (u128::from(self.share.0), u128::from(other.share.0));
        (self.steps * two).cmp(&(other.steps * one))
    }

    fn later_of(self, other: Self) -> Self {
        match self.order(&other) {
            Ordering::Less => other,
            Ordering::Equal | Ordering::Greater => self,
        }
    }

    /// The same point in steps of another share, rounded up; exact if the share is the same.
    fn steps_of(&self, share: Share) -> u128 {
        (self.steps * u128::from(share.0)).div_ceil(u128::from(self.share.0))
    }

    /// So many steps of `share` after it.
    fn plus(&self, steps: u128, share: Share) -> Self {
        Self {
            steps: self.steps_of(share) + steps,
            share,
        }
    }

    /// Whole units of time since the beginning.
    fn units(&self) -> u128 {
        self.steps / (u128::from(self.share.0) * PERIOD)
    }

    /// So many units of time earlier, not before the beginning.
    fn minus_units(&self, units: u128) -> Self {
        let steps = units.saturating_mul(u128::from(self.share.0) * PERIOD);
        Self {
            steps: self.steps.saturating_sub(steps),
            share: self.share,
        }
    }
}

#[derive(Debug)]
struct Job {
    name: Arc<str>,
    /// The share it was given; the one in its deadline may be less.
    nominal: Share,
    deadline: Point,
}

/// A pick, and what it changed.
#[derive(Debug)]
pub struct DeadlineTurn {
    name: Arc<str>,
    deadline: [Point; 2],
    now: [Point; 2],
}

impl DeadlineTurn {
    /// Who was picked.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }
}

/// What somebody's share is when its next period begins, given the share the update told.
pub type Weigh<'a> = dyn Fn(&Arc<str>, Share) -> Share + 'a;

/// Who is next, by earliest deadline; of equal ones the first in the set.
///
/// Over any stretch of as many picks as the weights sum up to, with a set that stays and is all eligible,
/// everybody is picked exactly as often as its weight says. Who is not eligible for a while and missed
/// its deadline is next when it comes back, once: missed turns are not made up for.
#[derive(Debug)]
pub struct Deadlines {
    jobs: Vec<Job>,
    /// The latest deadline that was met.
    now: Point,
}

impl Default for Deadlines {
    fn default() -> Self {
        let now = Point {
            steps: 0,
            share: Share::of(1),
        };
        Self {
            jobs: Vec::new(),
            now,
        }
    }
}

impl Deadlines {
    /// Replaces the set, each name once; who has a share of zero is not on the schedule.
    ///
    /// Who stays with the same share stays exactly where it is, and who stays with another one keeps the
    /// part of its period that is left. The first deadline of who is new is uniform in its first period,
    /// so that many schedules over one set do not go in step (gRPC A58).
    pub fn update(
        &mut self,
        shares: &[(Arc<str>, Share)],
        weigh: &Weigh<'_>,
        rng: &mut (impl Rng + ?Sized),
    ) {
        let old = std::mem::take(&mut self.jobs);
        for (name, nominal) in shares {
            if nominal.is_zero() || self.jobs.iter().any(|job| job.name == *name) {
                continue;
            }
            let known = old.iter().find(|job| job.name == *name);
            let deadline = match known {
                Some(job) if job.nominal == *nominal => job.deadline,
                Some(job) => {
                    let since = self.now.steps_of(job.deadline.share);
                    let left = job.deadline.steps.saturating_sub(since);
                    self.now.plus(left, weigh(name, *nominal))
                }
                None => {
                    let first = chance::below(rng, PERIOD as u64 + 1);
                    self.now.plus(first.into(), weigh(name, *nominal))
                }
            };
            self.jobs.push(Job {
                name: name.clone(),
                nominal: *nominal,
                deadline,
            });
        }
    }

    /// The next one of those that `may` be; its next period begins with the share that `weigh` says.
    pub fn pick(
        &mut self,
        may: &dyn Fn(&Arc<str>) -> bool,
        weigh: &Weigh<'_>,
    ) -> Option<DeadlineTurn> {
        self.rebase();
        let mut next: Option<(usize, Point)> = None;
        for (index, job) in self.jobs.iter().enumerate() {
            // Who is late is due now, like all others that are.
            let due = job.deadline.later_of(self.now);
            let is_earlier = next.is_none_or(|(_, best)| due.order(&best).is_lt());
            if is_earlier && may(&job.name) {
                next = Some((index, due));
            }
        }
        let (index, due) = next?;
        let job = &mut self.jobs[index];
        let (before, now) = (job.deadline, self.now);
        job.deadline = due.plus(PERIOD, weigh(&job.name, job.nominal));
        self.now = due;
        Some(DeadlineTurn {
            name: job.name.clone(),
            deadline: [before, job.deadline],
            now: [now, self.now],
        })
    }

    /// Takes a pick back, as if who was picked had not been allowed; what happened since stays.
    pub fn undo(&mut self, turn: &DeadlineTurn) {
        let [before, after] = turn.now;
        if self.now == after {
            self.now = before;
        }
        let mut jobs = self.jobs.iter_mut();
        if let Some(job) = jobs.find(|job| job.name == turn.name) {
            let [before, after] = turn.deadline;
            if job.deadline == after {
                job.deadline = before;
            } else {
                job.deadline.steps = job.deadline.steps.saturating_sub(PERIOD);
            }
        }
    }

    /// Whole units of time that have passed are taken off everything, which is exact, and keeps the
    /// numbers small for ever.
    fn rebase(&mut self) {
        let units = self.now.units();
        if units > 0 {
            self.now = self.now.minus_units(units);
            for job in &mut self.jobs {
                job.deadline = job.deadline.minus_units(units);
            }
        }
    }
}

#[cfg(test)]
mod tests;
