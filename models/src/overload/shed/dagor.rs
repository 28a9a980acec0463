//! DAGOR, WeChat's overload control: while calls queue for too long, the least important are shed.
//!
//! From Zhou et al., "Overload Control for Scaling WeChat Microservices" (SoCC 2018).

use std::time::Duration;

use tokio::time::Instant;

use super::{Admission, Reason};
use crate::overload::error::{number, time};
use crate::overload::{Call, InvalidPolicy, Priority};

const USERS: u16 = 128;
const LEVELS: usize = Priority::ALL.len() * USERS as usize;

/// How important a call is: by class, within it by user. The smallest is the most important.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u16);

impl Level {
    /// The one that is never shed.
    pub const MOST_IMPORTANT: Self = Self(0);
    /// The one that is shed first.
    pub const LEAST_IMPORTANT: Self = Self(LEVELS as u16 - 1);

    /// Of a call.
    pub fn of(call: &Call) -> Self {
        let user = u16::from(call.user).min(USERS - 1);
        Self(call.priority.index() as u16 * USERS + user)
    }

    /// As a number, to be sent to callers: 0 to 511, the most important first.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// From a number that a callee sent; `None` if there is no such level.
    pub const fn from_number(number: u16) -> Option<Self> {
        if (number as usize) < LEVELS {
            Some(Self(number))
        } else {
            None
        }
    }
}

/// The settings of [`Dagor`]; the defaults are the paper's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DagorPolicy {
    /// Overloaded if calls queued for longer on average (strictly).
    pub queueing: Duration,
    /// A window ends after this time,
    pub window: Duration,
    /// or with so many calls.
    pub requests: u64,
    /// Which part of the admitted calls fewer are admitted after an overloaded window: above 0, up to 1.
    pub decrease: f64,
    /// Which part of all calls more are admitted after another window: above 0, up to 1.
    pub increase: f64,
}

impl Default for DagorPolicy {
    fn default() -> Self {
        Self {
            queueing: Duration::from_millis(20),
            window: Duration::from_secs(1),
            requests: 2000,
            decrease: 0.05,
            increase: 0.01,
        }
    }
}

impl DagorPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        time("queueing", self.queueing)?;
        time("window", self.window)?;
        if self.requests == 0 {
            return Err(InvalidPolicy::Zero("requests"));
        }
        number("decrease", self.decrease, f64::MIN_POSITIVE, 1.0)?;
        number("increase", self.increase, f64::MIN_POSITIVE, 1.0)
    }
}

/// Moves a threshold over the levels so that about 5 % fewer calls pass it than were admitted in an
/// overloaded window, and 1 % of all calls more after any other. The most important level always passes.
/// A window in which nothing queued was not overloaded.
#[derive(Debug)]
pub struct Dagor {
    policy: DagorPolicy,
    threshold: Level,
    window: Window,
}

/// What was seen in one window.
#[derive(Debug)]
struct Window {
    began: Instant,
    offered: u64,
    admitted: u64,
    /// Calls by level, the shed ones included.
    levels: Vec<u64>,
    queued: u64,
    waited: Duration,
}

impl Window {
    fn new(now: Instant) -> Self {
        Self {
            began: now,
            offered: 0,
            admitted: 0,
            levels: vec![0; LEVELS],
            queued: 0,
            waited: Duration::ZERO,
        }
    }

    /// Longer than `most` on average; nothing that queued is no average.
    fn is_overloaded(&self, most: Duration) -> bool {
        let most = most.as_nanos().saturating_mul(u128::from(self.queued));
        self.waited.as_nanos() > most
    }
}

impl Dagor {
    /// Admits everything at first.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: DagorPolicy, now: Instant) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            threshold: Level::LEAST_IMPORTANT,
            window: Window::new(now),
        })
    }

    fn advance(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.window.began);
        if age < self.policy.window && self.window.offered < self.policy.requests {
            return;
        }
        let window = std::mem::replace(&mut self.window, Window::new(now));
        self.threshold = if window.is_overloaded(self.policy.queueing) {
            self.lower(&window)
        } else {
            self.raise(&window)
        };
    }

    fn lower(&self, window: &Window) -> Level {
        let goal = window.admitted as f64 * (1.0 - self.policy.decrease);
        let mut passing = window.admitted;
        let mut threshold = self.threshold.0;
        while threshold > 0 && passing as f64 > goal {
            passing = passing.saturating_sub(window.levels[usize::from(threshold)]);
            threshold -= 1;
        }
        Level(threshold)
    }

    fn raise(&self, window: &Window) -> Level {
        let more = (window.offered as f64 * self.policy.increase).max(1.0);
        let goal = window.admitted as f64 + more;
        let mut passing = window.admitted;
        let mut threshold = self.threshold.0;
        while threshold < Level::LEAST_IMPORTANT.0 && (passing as f64) < goal {
            threshold += 1;
            passing = passing.saturating_add(window.levels[usize::from(threshold)]);
        }
        Level(threshold)
    }
}

impl Admission for Dagor {
    fn admit(&mut self, call: &Call, _: usize, now: Instant) -> Result<(), Reason> {
        self.advance(now);
        let level = Level::of(call);
        let count = &mut self.window.levels[usize::from(level.0)];
        *count = count.saturating_add(1);
        self.window.offered = self.window.offered.saturating_add(1);
        if level > self.threshold {
            let threshold = self.threshold;
            return Err(Reason::Level { threshold });
        }
        self.window.admitted = self.window.admitted.saturating_add(1);
        Ok(())
    }

    fn queued(&mut self, waited: Duration, now: Instant) {
        self.advance(now);
        self.window.queued = self.window.queued.saturating_add(1);
        self.window.waited = self.window.waited.saturating_add(waited);
    }

    fn threshold(&self) -> Option<Level> {
        Some(self.threshold)
    }
}
