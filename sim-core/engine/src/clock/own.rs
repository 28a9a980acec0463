//! The clock of a host that is not right: drift, and an offset of what the wall clock shows.
//!
//! The monotonic clock (`Instant`, timers) only drifts: it never goes back. The wall clock
//! (`SystemTime`) is the monotonic one with an offset, which may change at any instant. All is whole
//! nanoseconds, so that a clock shows the same in every build.

const BILLION: i128 = 1_000_000_000;

/// What a host's clocks show, against true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostClock {
    /// The true instant of the last change of rate.
    since: u64,
    /// What the monotonic clock showed then.
    shown: u64,
    /// How much too fast it is, in billionths.
    ppb: i64,
    /// How much the wall clock is ahead of epoch and monotonic clock, in nanoseconds.
    ahead: i64,
}

impl HostClock {
    /// A clock that is `ahead` nanoseconds ahead (or behind) at the start and drifts by `ppm`.
    pub fn new(ahead: i64, ppm: f64) -> Self {
        let mut clock = Self {
            ahead,
            ..Self::default()
        };
        clock.drift(0, ppm);
        clock
    }

    /// Whether it is right and always was.
    pub fn is_true(&self) -> bool {
        *self == Self::default()
    }

    /// What the monotonic clock shows at the true instant `now`.
    pub fn shows(&self, now: u64) -> u64 {
        let passed = i128::from(now - self.since);
        let shown = i128::from(self.shown) + passed + passed * self.rate() / BILLION;
        shown as u64
    }

    /// What the wall clock is ahead of epoch and monotonic clock.
    pub const fn ahead(&self) -> i64 {
        self.ahead
    }

    /// The first true instant at which the monotonic clock shows at least `shown`, if its rate stays.
    pub fn when(&self, shown: u64) -> u64 {
        let Some(more) = shown.checked_sub(self.shown) else {
            return self.since;
        };
        let rate = BILLION + self.rate();
        let guess = (i128::from(more) * BILLION / rate) as u64;
        // Whole nanoseconds round down in both directions: at most two steps away.
        let mut at = self.since.saturating_add(guess.saturating_sub(2));
        while self.shows(at) < shown {
            at += 1;
        }
        at
    }

    /// From the true instant `now` on it is too fast by `ppm` millionths more, or too slow if negative.
    /// However much faults add up, it goes on.
    pub fn drift(&mut self, now: u64, ppm: f64) {
        (self.shown, self.since) = (self.shows(now), now);
        self.ppb += (ppm * 1000.0) as i64;
    }

    /// How much too fast it goes, in billionths: never so slow that it stands.
    fn rate(&self) -> i128 {
        i128::from(self.ppb.max(-999_999_999))
    }

    /// Sets the wall clock ahead (or back) by so many nanoseconds.
    pub fn step(&mut self, by: i64) {
        self.ahead += by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_drift_changes_the_rate_and_never_what_was_shown() {
        let mut clock = HostClock::default();
        clock.drift(10 * SECOND, 100.0);
        assert_eq!(clock.shows(10 * SECOND), 10 * SECOND);
        assert_eq!(clock.shows(20 * SECOND), 20 * SECOND + 1_000_000);
        clock.drift(20 * SECOND, -200.0);
        assert_eq!(clock.shows(20 * SECOND), 20 * SECOND + 1_000_000);
        assert_eq!(clock.shows(30 * SECOND), 30 * SECOND);
        clock.drift(30 * SECOND, 100.0);
        assert_eq!(clock.shows(31 * SECOND), 31 * SECOND);
    }

    #[test]
    fn the_instant_at_which_a_time_is_shown_is_the_first_such() {
        for ppm in [-400_000.0, -37.0, 0.0, 0.5, 200.0, 1_000_000.0] {
            let mut clock = HostClock::default();
            clock.drift(3, ppm);
            for shown in [3, 4, 1_000, 999_999_937, 86_400 * SECOND + 1] {
                let at = clock.when(shown);
                assert!(clock.shows(at) >= shown, "{ppm} {shown}");
                assert!(at <= 3 || clock.shows(at - 1) < shown, "{ppm} {shown}");
            }
        }
    }
}
