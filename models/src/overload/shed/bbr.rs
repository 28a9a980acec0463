//! A shedder after TCP BBR, as in go-zero: no more calls than the machine has shown to be able to do,
//! but only while it is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{Admission, End, Reason};
use crate::chance::nanos;
use crate::overload::error::time;
use crate::overload::{Call, InvalidPolicy, Outcome};

const SECOND: Duration = Duration::from_secs(1);
/// All of the machine, in thousandths.
const ALL: u32 = 1000;
/// A tenth of what is possible is always admitted.
const LEAST_FACTOR: f64 = 0.1;
/// How much of the average stays with every call that ends.
const BETA: f64 = 0.9;
const MOST_BUCKETS: u32 = 10_000;

/// How busy the machine is, in thousandths; clones share it. Whoever measures sets it.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicU32>);

impl Gauge {
    /// The load now; more than 1000 counts as 1000.
    pub fn set(&self, thousandths: u32) {
        self.0.store(thousandths.min(ALL), Ordering::Relaxed);
    }

    /// The load as set last.
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The settings of [`Bbr`]; the defaults are go-zero's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BbrPolicy {
    /// Above this load (strictly), in thousandths, calls may be shed: from 1 to 999.
    pub busy: u32,
    /// Over which time calls are counted.
    pub window: Duration,
    /// In how many buckets.
    pub buckets: u32,
    /// For so long after the last busy moment calls may still be shed, if some were (strictly less).
    pub cool_off: Duration,
}

impl Default for BbrPolicy {
    fn default() -> Self {
        Self {
            busy: 900,
            window: 5 * SECOND,
            buckets: 50,
            cool_off: SECOND,
        }
    }
}

impl BbrPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        match self.busy {
            0 => return Err(InvalidPolicy::Zero("busy")),
            1..ALL => {}
            _ => return Err(InvalidPolicy::OutOfRange("busy")),
        }
        time("window", self.window)?;
        time("cool_off", self.cool_off)?;
        match self.buckets {
            0 => Err(InvalidPolicy::Zero("buckets")),
            1 => Err(InvalidPolicy::OutOfRange("buckets")),
            2..=MOST_BUCKETS => time("window", self.bucket()),
            _ => Err(InvalidPolicy::OutOfRange("buckets")),
        }
    }

    fn bucket(&self) -> Duration {
        self.window / self.buckets
    }
}

/// The calls that succeeded within one bucket, and what they took together.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    index: u64,
    passes: u64,
    took: u64,
}

impl Bucket {
    fn add(&mut self, took: u64) {
        self.passes = self.passes.saturating_add(1);
        self.took = self.took.saturating_add(took);
    }
}

/// Allowed in flight = most passes of a bucket × shortest average time of a bucket × buckets a second, at
/// least 1; times a factor that falls from 1 to 0.1 as the load rises from the threshold. Calls are shed
/// if both those in flight and their average (β = 0.9, moved by every end) exceed it. The bucket that is
/// still being filled counts for nothing.
#[derive(Debug)]
pub struct Bbr {
    policy: BbrPolicy,
    gauge: Gauge,
    began: Instant,
    /// By index modulo their number.
    buckets: Vec<Bucket>,
    average: f64,
    busy_at: Option<Instant>,
    shed_lately: bool,
}

impl Bbr {
    /// Knows of no calls yet at `now`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn new(policy: BbrPolicy, gauge: Gauge, now: Instant) -> Result<Self, InvalidPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            gauge,
            began: now,
            // One more than the window: the one that is being filled.
            buckets: vec![Bucket::default(); policy.buckets as usize + 1],
            average: 0.0,
            busy_at: None,
            shed_lately: false,
        })
    }

    /// How many calls may be under way at `now`, while calls are shed at all.
    pub fn allowed(&self, now: Instant) -> f64 {
        let index = self.index(now);
        let oldest = index.saturating_sub(u64::from(self.policy.buckets));
        let whole = self.buckets.iter();
        let whole = whole.filter(|b| b.passes > 0 && (oldest..index).contains(&b.index));
        // Without any history a second is a time that sheds nobody too early.
        let (passes, shortest) = whole.fold((1, 1e9_f64), |(most, least), bucket| {
            let average = bucket.took as f64 / bucket.passes as f64;
            (bucket.passes.max(most), least.min(average))
        });
        let in_flight = passes as f64 * shortest / nanos(self.policy.bucket()) as f64;
        let free = ALL.saturating_sub(self.gauge.get());
        let factor = f64::from(free) / f64::from(ALL - self.policy.busy);
        in_flight.max(1.0) * factor.clamp(LEAST_FACTOR, 1.0)
    }

    fn index(&self, now: Instant) -> u64 {
        let since = nanos(now.saturating_duration_since(self.began));
        since / nanos(self.policy.bucket())
    }

    /// Whether the machine is busy, or was when calls were last shed, a moment ago.
    fn is_hot(&mut self, now: Instant) -> bool {
        if self.gauge.get() > self.policy.busy {
            self.busy_at = Some(now);
            return true;
        }
        let cool_off = self.policy.cool_off;
        let since = self.busy_at.map(|at| now.saturating_duration_since(at));
        self.shed_lately = self.shed_lately && since.is_some_and(|since| since < cool_off);
        self.shed_lately
    }
}

impl Admission for Bbr {
    fn admit(&mut self, _: &Call, in_flight: usize, now: Instant) -> Result<(), Reason> {
        if !self.is_hot(now) {
            return Ok(());
        }
        let allowed = self.allowed(now);
        if self.average > allowed && in_flight as f64 > allowed {
            self.shed_lately = true;
            return Err(Reason::InFlight { in_flight, allowed });
        }
        Ok(())
    }

    fn ended(&mut self, end: &End, now: Instant) {
        self.average = self.average * BETA + end.in_flight as f64 * (1.0 - BETA);
        if end.outcome != Some(Outcome::Success) {
            return;
        }
        let index = self.index(now);
        let place = (index % self.buckets.len() as u64) as usize;
        let bucket = &mut self.buckets[place];
        if bucket.index != index {
            *bucket = Bucket {
                index,
                ..Bucket::default()
            };
        }
        bucket.add(nanos(end.took));
    }
}
