//! Slow start: an endpoint that joins gets its share little by little.
//!
//! It prevents that an endpoint with cold caches and no connections gets its full share at once. It can
//! cause that a set in which everybody is new is slower to warm than it had to be, and that a wave of
//! joining endpoints leaves the work to the few old ones.

use std::time::Duration;

use tokio::time::Instant;

use super::InvalidPolicy;
use super::members::Memory;

/// How the share of an endpoint grows: weight × max(`minimum`, (age ÷ `window`)^(1 ÷ `aggression`)), and
/// the whole weight once it is as old as the window. This is Envoy's law.
///
/// The age counts from the update with which the endpoint joined. Those that join an empty set, the first
/// set among them, are not slowed: they would all be slowed alike, and nobody is there who could take over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// How long it takes until the share is whole.
    pub window: Duration,
    /// 1 grows evenly; above 1 the share grows fast first, below 1 it grows late. From 0.01 to 100.
    pub aggression: f64,
    /// The least part of its share that an endpoint gets: above 0, at most 1.
    pub minimum: f64,
}

impl SlowStart {
    /// Even growth from a tenth of the share, Envoy's defaults.
    pub const fn over(window: Duration) -> Self {
        Self {
            window,
            aggression: 1.0,
            minimum: 0.1,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        InvalidPolicy::check_time("slow_start.window", self.window)?;
        if !(0.01..=100.0).contains(&self.aggression) {
            return Err(InvalidPolicy::OutOfRange("slow_start.aggression"));
        }
        if !(self.minimum > 0.0 && self.minimum <= 1.0) {
            return Err(InvalidPolicy::OutOfRange("slow_start.minimum"));
        }
        Ok(())
    }

    /// The part of its weight that an endpoint of this age gets, from `minimum` to 1.
    pub fn factor(&self, age: Duration) -> f64 {
        if age >= self.window {
            return 1.0;
        }
        let part = age.as_secs_f64() / self.window.as_secs_f64();
        libm::pow(part, 1.0 / self.aggression).clamp(self.minimum, 1.0)
    }
}

/// When an endpoint joined a set that others were in.
#[derive(Debug)]
pub(super) struct Joined(Option<Instant>);

impl Memory for Joined {}

impl Joined {
    /// Now, to a set with so many others.
    pub(super) fn now(others: usize) -> Self {
        Self((others > 0).then(Instant::now))
    }

    /// The part of its weight that it gets.
    pub(super) fn factor(&self, slow_start: Option<&SlowStart>, now: Instant) -> f64 {
        let (Some(slow_start), Some(joined)) = (slow_start, self.0) else {
            return 1.0;
        };
        slow_start.factor(now.saturating_duration_since(joined))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: SlowStart = SlowStart::over(Duration::from_secs(60));

    #[test]
    fn the_share_is_whole_at_the_end_of_the_window_and_the_minimum_at_its_beginning() {
        assert_eq!(MINUTE.factor(Duration::ZERO), 0.1);
        let just_before = MINUTE.factor(Duration::from_nanos(59_999_999_999));
        assert!(just_before < 1.0 && just_before > 0.999_999);
        assert_eq!(MINUTE.factor(Duration::from_secs(60)), 1.0);
        assert_eq!(MINUTE.factor(Duration::MAX), 1.0);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |change: fn(&mut SlowStart)| {
            let mut changed = MINUTE;
            change(&mut changed);
            changed.validate().unwrap_err()
        };
        assert_eq!(MINUTE.validate(), Ok(()));
        let window = "slow_start.window";
        let zero = refused(|s| s.window = Duration::ZERO);
        assert_eq!(zero, InvalidPolicy::Zero(window));
        let long = refused(|s| s.window = Duration::MAX);
        assert_eq!(long, InvalidPolicy::TooLong(window));
        let aggression = InvalidPolicy::OutOfRange("slow_start.aggression");
        assert_eq!(refused(|s| s.aggression = 0.0), aggression);
        assert_eq!(refused(|s| s.aggression = -1.0), aggression);
        assert_eq!(refused(|s| s.aggression = f64::NAN), aggression);
        assert_eq!(refused(|s| s.aggression = f64::INFINITY), aggression);
        let minimum = InvalidPolicy::OutOfRange("slow_start.minimum");
        assert_eq!(refused(|s| s.minimum = 0.0), minimum);
        assert_eq!(refused(|s| s.minimum = 1.1), minimum);
        assert_eq!(refused(|s| s.minimum = f64::NAN), minimum);
    }
}
