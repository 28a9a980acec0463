//! The send rate of the AWS SDKs' adaptive mode: less after throttling, more with time, by a curve like
//! that of CUBIC (law and constants as in botocore's `retries.adaptive` and `retries.throttling`).

use std::time::Duration;

use tokio::time::Instant;

/// How fast the rate comes back.
const SCALE: f64 = 0.4;
/// What is left of the rate after a throttling answer.
const BETA: f64 = 0.7;
/// The least rate, in sends per second.
const LEAST: f64 = 0.5;
/// The weight of the newest measurement.
const SMOOTHING: f64 = 0.8;
/// Measurements per second.
const PER_SECOND: f64 = 2.0;

/// Cubic growth around the rate at which the server throttled last. Times are in seconds.
#[derive(Clone, Debug)]
struct Curve {
    throttled_at: f64,
    rate_then: f64,
    /// How long after the last throttling that rate is reached again.
    k: f64,
}

impl Curve {
    fn new(rate: f64) -> Self {
        Self {
            throttled_at: 0.0,
            rate_then: rate,
            k: libm::cbrt(rate * (1.0 - BETA) / SCALE),
        }
    }

    fn rate(&self, now: f64) -> f64 {
        let t = now - self.throttled_at - self.k;
        SCALE * t * t * t + self.rate_then
    }

    fn throttled(&mut self, rate: f64, now: f64) -> f64 {
        *self = Self {
            throttled_at: now,
            ..Self::new(rate)
        };
        rate * BETA
    }
}

/// The answers per second, smoothed; looked at every half second.
#[derive(Clone, Debug, Default)]
struct Measured {
    rate: f64,
    since: f64,
    count: f64,
}

impl Measured {
    fn count(&mut self, now: f64) -> f64 {
        let slot = (now * PER_SECOND).floor() / PER_SECOND;
        self.count += 1.0;
        if slot > self.since {
            let newest = self.count / (slot - self.since);
            self.rate = newest * SMOOTHING + self.rate * (1.0 - SMOOTHING);
            self.count = 0.0;
            self.since = slot;
        }
        self.rate
    }
}

/// Limits the sends of one client to one service from the first throttling answer on. Ask before each
/// attempt, tell after each.
#[derive(Clone, Debug)]
pub struct AdaptiveRate {
    began: Instant,
    latest: f64,
    is_limiting: bool,
    curve: Curve,
    measured: Measured,
    /// Sends per second, how many may come at once, and how many may come now.
    rate: f64,
    most: f64,
    tokens: f64,
}

impl AdaptiveRate {
    /// Limits nothing yet.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            latest: 0.0,
            is_limiting: false,
            curve: Curve::new(0.0),
            measured: Measured::default(),
            rate: 1.0,
            most: 1.0,
            tokens: 0.0,
        }
    }

    /// Takes leave to send.
    ///
    /// # Errors
    ///
    /// How long it takes until there is leave if nobody else asks; nothing was taken.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.refill(now);
        if !self.is_limiting {
            return Ok(());
        }
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.tokens) / self.rate;
        // Rounded up: whoever waits as told has leave.
        Err(Duration::from_nanos((wait * 1e9).ceil() as u64 + 1))
    }

    /// An answer came, and it asked for less or not.
    pub fn answered(&mut self, is_throttled: bool, now: Instant) {
        self.refill(now);
        let measured = self.measured.count(self.latest);
        let rate = if is_throttled {
            let before = if self.is_limiting {
                measured.min(self.rate)
            } else {
                measured
            };
            self.is_limiting = true;
            self.curve.throttled(before, self.latest)
        } else {
            self.curve.rate(self.latest)
        };
        let rate = rate.min(2.0 * measured);
        self.rate = rate.max(LEAST);
        self.most = rate.max(1.0);
        self.tokens = self.tokens.min(self.most);
    }

    /// Sends per second, if they are limited.
    pub fn limit(&self) -> Option<f64> {
        self.is_limiting.then_some(self.rate)
    }

    /// A clock that steps back brings nothing.
    fn refill(&mut self, now: Instant) {
        let now = now.saturating_duration_since(self.began).as_secs_f64();
        let elapsed = (now - self.latest).max(0.0);
        self.tokens = (self.tokens + elapsed * self.rate).min(self.most);
        self.latest += elapsed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-9, "{got}, not {expected}");
    }

    #[test]
    fn the_curve_has_the_figures_of_botocores_tests() {
        let mut curve = Curve::new(10.0);
        near(curve.k, 1.957_433_820_584_431_7);
        near(curve.rate(curve.k), 10.0);
        near(curve.throttled(8.0, 1.0), 5.6);
        near(curve.k, 1.817_120_592_832_139_7);
        // Right after a throttling the curve stands where the rate was cut to.
        near(curve.rate(1.0), 5.6);
    }

    #[test]
    fn the_measured_rate_has_the_figures_of_botocores_tests() {
        let mut measured = Measured::default();
        near(measured.count(1.0), 0.8);
        let mut measured = Measured::default();
        for now in [0.1, 0.2, 0.3, 0.4, 0.49] {
            near(measured.count(now), 0.0);
        }
        near(measured.count(0.5), 12.0 * 0.8);
    }

    #[test]
    fn nothing_is_limited_before_the_first_throttling_and_a_wait_is_long_enough() {
        let began = Instant::now();
        let at = |secs: f64| began + Duration::from_secs_f64(secs);
        let mut rate = AdaptiveRate::new(began);
        for n in 0..100 {
            assert_eq!(rate.take(at(f64::from(n) * 0.01)), Ok(()));
            rate.answered(false, at(f64::from(n) * 0.01));
        }
        assert_eq!(rate.limit(), None);
        rate.answered(true, at(1.0));
        let limit = rate.limit().unwrap();
        assert!(limit >= LEAST, "{limit}");
        let mut now = at(1.0);
        while rate.take(now).is_ok() {}
        let wait = rate.take(now).unwrap_err();
        // A clock that steps back brings nothing.
        assert!(rate.take(began).is_err());
        now += wait;
        assert_eq!(rate.take(now), Ok(()));
    }
}
