//! Counts over the window of a closed breaker.

use std::collections::VecDeque;

use super::counts::Mark;
use super::{Counts, Outcome, Window};

/// The counts of one generation of a closed breaker.
#[derive(Debug)]
pub(super) enum Tally {
    /// All of them.
    All(Counts),
    /// Those of the last buckets.
    Buckets(Rolling),
    /// Those of the last calls.
    Calls(Recent),
}

impl Tally {
    pub(super) fn new(window: Window) -> Self {
        match window {
            Window::Forever | Window::Fixed(_) => Self::All(Counts::default()),
            Window::Rolling { interval, bucket } => {
                let buckets = interval.as_nanos().div_ceil(bucket.as_nanos());
                Self::Buckets(Rolling::new(buckets as usize, bucket.as_nanos()))
            }
            Window::Calls(calls) => Self::Calls(Recent::new(calls as usize)),
        }
    }

    pub(super) const fn total(&self) -> &Counts {
        match self {
            Self::All(total) => total,
            Self::Buckets(rolling) => &rolling.total,
            Self::Calls(recent) => &recent.total,
        }
    }

    /// Moves on to so many nanoseconds since the generation began.
    pub(super) fn advance(&mut self, elapsed: u128) {
        if let Self::Buckets(rolling) = self {
            rolling.roll(elapsed / rolling.width);
        }
    }

    /// Counts an admission; the answer names the bucket that its outcome belongs to.
    pub(super) fn admit(&mut self) -> u128 {
        match self {
            Self::All(total) => total.admit(),
            Self::Buckets(rolling) => rolling.admit(),
            Self::Calls(recent) => recent.total.admit(),
        }
        match self {
            Self::Buckets(rolling) => rolling.age,
            _ => 0,
        }
    }

    /// Charges an outcome to the bucket that admitted the call; `false` if that left the window.
    pub(super) fn end(&mut self, bucket: u128, mark: Mark) -> bool {
        match self {
            Self::All(total) => total.charge(mark),
            Self::Buckets(rolling) => return rolling.end(bucket, mark),
            Self::Calls(recent) => recent.end(mark),
        }
        true
    }
}

/// Counts over the last buckets. Streaks go on across buckets and end only with the whole window.
#[derive(Debug)]
pub(super) struct Rolling {
    total: Counts,
    /// The newest last.
    buckets: VecDeque<Counts>,
    /// Nanoseconds of a bucket.
    width: u128,
    /// Index of the newest bucket, counted from the beginning of the generation.
    age: u128,
}

impl Rolling {
    fn new(buckets: usize, width: u128) -> Self {
        Self {
            total: Counts::default(),
            buckets: VecDeque::from(vec![Counts::default(); buckets]),
            width,
            age: 0,
        }
    }

    /// Makes `age` the newest bucket; what leaves the window leaves the total.
    fn roll(&mut self, age: u128) {
        let Some(steps) = age.checked_sub(self.age).filter(|&steps| steps > 0) else {
            return;
        };
        if steps >= self.buckets.len() as u128 {
            self.total = Counts::default();
            self.buckets.iter_mut().for_each(|b| *b = Counts::default());
        } else {
            for _ in 0..steps {
                if let Some(old) = self.buckets.pop_front() {
                    self.total.forget(&old);
                }
                self.buckets.push_back(Counts::default());
            }
        }
        self.age = age;
    }

    fn admit(&mut self) {
        self.total.admit();
        if let Some(newest) = self.buckets.back_mut() {
            newest.admit();
        }
    }

    fn end(&mut self, age: u128, mark: Mark) -> bool {
        let back = self.age.saturating_sub(age);
        let Some(index) = usize::try_from(back)
            .ok()
            .and_then(|back| (self.buckets.len() - 1).checked_sub(back))
        else {
            return false;
        };
        self.buckets[index].charge(mark);
        self.total.charge(mark);
        true
    }
}

/// Counts over the last calls, each of which takes its place when it ends.
#[derive(Debug)]
pub(super) struct Recent {
    total: Counts,
    /// The newest last.
    calls: VecDeque<Mark>,
    size: usize,
}

impl Recent {
    fn new(size: usize) -> Self {
        Self {
            total: Counts::default(),
            calls: VecDeque::new(),
            size,
        }
    }

    fn end(&mut self, mark: Mark) {
        if mark.outcome == Outcome::Excluded {
            self.total.requests = self.total.requests.saturating_sub(1);
            return;
        }
        if self.calls.len() == self.size
            && let Some(oldest) = self.calls.pop_front()
        {
            self.total.forget(&alone(oldest));
        }
        self.calls.push_back(mark);
        self.total.charge(mark);
    }
}

/// The counts of one call.
fn alone(mark: Mark) -> Counts {
    let mut counts = Counts::default();
    counts.admit();
    counts.charge(mark);
    counts
}
