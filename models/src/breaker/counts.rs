//! What a breaker counts.

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
    /// Calls whose endpoint asked for less, if the policy counts them.
    pub throttled: u64,
    /// Calls whose outcome says nothing about the endpoint.
    pub exclusions: u64,
    /// Calls that were counted and took longer than the policy allows, however they ended.
    pub slow: u64,
    /// Successes since the last failure.
    pub consecutive_successes: u64,
    /// Failures since the last answer of another kind.
    pub consecutive_failures: u64,
}

/// What a call that ended counts as, under a policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) outcome: Outcome,
    pub(super) slow: bool,
}

impl Mark {
    /// Whether a count that can open the breaker grew.
    pub(super) const fn speaks_against(self) -> bool {
        self.slow || matches!(self.outcome, Outcome::Failure | Outcome::Throttled { .. })
    }
}

impl Counts {
    /// Admitted calls without the excluded ones.
    pub const fn valid(&self) -> u64 {
        self.requests.saturating_sub(self.exclusions)
    }

    /// Calls that ended, without the excluded ones.
    pub const fn ended(&self) -> u64 {
        let answered = self.successes.saturating_add(self.failures);
        answered.saturating_add(self.throttled)
    }

    /// Calls that ended and did not succeed, without the excluded ones.
    pub const fn unsuccessful(&self) -> u64 {
        self.failures.saturating_add(self.throttled)
    }

    pub(super) fn admit(&mut self) {
        bump(&mut self.requests);
    }

    pub(super) fn charge(&mut self, mark: Mark) {
        match mark.outcome {
            Outcome::Success => {
                bump(&mut self.successes);
                bump(&mut self.consecutive_successes);
                self.consecutive_failures = 0;
            }
            Outcome::Failure => {
                bump(&mut self.failures);
                bump(&mut self.consecutive_failures);
                self.consecutive_successes = 0;
            }
            // It lives, so it ends a streak of failures; it did not do the work, so it is no success.
            Outcome::Throttled { .. } => {
                bump(&mut self.throttled);
                self.consecutive_successes = 0;
                self.consecutive_failures = 0;
            }
            Outcome::Excluded => bump(&mut self.exclusions),
        }
        if mark.slow {
            bump(&mut self.slow);
        }
    }

    /// Takes away what left a window; streaks are not made of single calls and stay.
    pub(super) fn forget(&mut self, old: &Self) {
        self.requests = self.requests.saturating_sub(old.requests);
        self.successes = self.successes.saturating_sub(old.successes);
        self.failures = self.failures.saturating_sub(old.failures);
        self.throttled = self.throttled.saturating_sub(old.throttled);
        self.exclusions = self.exclusions.saturating_sub(old.exclusions);
        self.slow = self.slow.saturating_sub(old.slow);
    }
}

fn bump(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_at_their_end_stay_there() {
        let mut counts = Counts {
            requests: u64::MAX,
            successes: u64::MAX,
            failures: u64::MAX,
            throttled: u64::MAX,
            exclusions: u64::MAX,
            slow: u64::MAX,
            consecutive_successes: u64::MAX,
            consecutive_failures: u64::MAX,
        };
        let full = counts;
        counts.admit();
        for outcome in [Outcome::Excluded, Outcome::Failure] {
            let slow = outcome == Outcome::Failure;
            counts.charge(Mark { outcome, slow });
        }
        assert_eq!(counts.ended(), u64::MAX);
        let consecutive_successes = 0;
        assert_eq!(
            counts,
            Counts {
                consecutive_successes,
                ..full
            }
        );
    }

    #[test]
    fn counts_go_past_what_32_bits_hold() {
        let mut counts = Counts {
            failures: u64::from(u32::MAX),
            ..Counts::default()
        };
        counts.charge(Mark {
            outcome: Outcome::Failure,
            slow: false,
        });
        assert_eq!(counts.failures, 1 << 32);
    }
}
