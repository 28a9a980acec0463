//! What a breaker counts, over all time or over a rolling window of buckets.

use std::collections::VecDeque;

use super::Outcome;

/// Calls since the counts last began. Every count saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Admitted calls, those still in flight included.
    pub requests: u64,
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls whose outcome says nothing about the endpoint.
    pub exclusions: u64,
    /// Successes since the last failure.
    pub consecutive_successes: u64,
    /// Failures since the last success.
    pub consecutive_failures: u64,
}

impl Counts {
    /// Admitted calls without the excluded ones.
    pub const fn valid(&self) -> u64 {
        self.requests.saturating_sub(self.exclusions)
    }

    fn admitted(&mut self) {
        self.requests = self.requests.saturating_add(1);
    }

    fn ended(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Success => {
                self.successes = self.successes.saturating_add(1);
                self.consecutive_successes = self.consecutive_successes.saturating_add(1);
                self.consecutive_failures = 0;
            }
            Outcome::Failure => {
                self.failures = self.failures.saturating_add(1);
                self.consecutive_failures = self.consecutive_failures.saturating_add(1);
                self.consecutive_successes = 0;
            }
            Outcome::Excluded => self.exclusions = self.exclusions.saturating_add(1),
        }
    }

    fn forget(&mut self, old: &Self) {
        self.requests = self.requests.saturating_sub(old.requests);
        self.successes = self.successes.saturating_sub(old.successes);
        self.failures = self.failures.saturating_sub(old.failures);
        self.exclusions = self.exclusions.saturating_sub(old.exclusions);
    }
}

/// Counts over the last buckets. Streaks go on across buckets and end only with the whole window.
#[derive(Debug)]
pub(super) struct Rolling {
    total: Counts,
    /// The newest last; one that never rolls if the window does not.
    buckets: VecDeque<Counts>,
    /// Index of the newest bucket, counted from the beginning of the generation.
    age: u128,
}

impl Rolling {
    pub(super) fn new(buckets: usize) -> Self {
        Self {
            total: Counts::default(),
            buckets: VecDeque::from(vec![Counts::default(); buckets.max(1)]),
            age: 0,
        }
    }

    pub(super) const fn total(&self) -> &Counts {
        &self.total
    }

    pub(super) fn clear(&mut self) {
        self.total = Counts::default();
        self.buckets.iter_mut().for_each(|b| *b = Counts::default());
        self.age = 0;
    }

    /// Makes `age` the newest bucket; what leaves the window leaves the total.
    pub(super) fn roll(&mut self, age: u128) {
        let Some(steps) = age.checked_sub(self.age).filter(|&steps| steps > 0) else {
            return;
        };
        if steps >= self.buckets.len() as u128 {
            self.clear();
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

    /// Counts an admission; the answer names the bucket its outcome belongs to.
    pub(super) fn admitted(&mut self) -> u128 {
        self.total.admitted();
        if let Some(newest) = self.buckets.back_mut() {
            newest.admitted();
        }
        self.age
    }

    /// Charges an outcome to the bucket that admitted the call; `false` if that left the window.
    pub(super) fn ended(&mut self, age: u128, outcome: Outcome) -> bool {
        let back = self.age.saturating_sub(age);
        let Some(index) = usize::try_from(back)
            .ok()
            .and_then(|back| (self.buckets.len() - 1).checked_sub(back))
        else {
            return false;
        };
        self.buckets[index].ended(outcome);
        self.total.ended(outcome);
        true
    }
}
