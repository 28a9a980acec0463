//! A limiter that makes callers wait: they leave one by one, an equal time apart (the leaky queue of
//! Sentinel; nginx without `nodelay` does the same).
//!
//! It prevents that bursts reach what is behind it. It can cause waiting for nothing: who waits longer
//! than its own deadline has spent a place in vain, so the wait is bounded and known beforehand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::policy::whole_period;
use super::{InvalidQuota, Quota, Refused};
use crate::chance::nanos;

/// A bound on the places in one queue, whatever its maximum wait.
const MOST_PLACES: u64 = 1_000_000;

/// A queue that one caller leaves per interval. Slots are exact, wake-ups as exact as the runtime's
/// timer; a late one does not delay the slots after it.
///
/// A caller that goes away gives its place back: whoever is behind it moves up, and no slot is lost.
#[derive(Debug)]
pub struct Queue {
    interval: u64,
    max_wait: u64,
    began: Instant,
    /// Held by the first in the queue; first come, first served.
    front: Semaphore,
    line: Mutex<Line>,
}

/// What became of those who came: offered = refused + left + departed + waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Calls that would have waited too long.
    pub refused: u64,
    /// Calls given up by their callers while they waited.
    pub left: u64,
    /// Calls that passed.
    pub departed: u64,
    /// Calls that wait now.
    pub waiting: u64,
}

#[derive(Debug, Default)]
struct Line {
    /// The slot of the last departure.
    latest: Option<u64>,
    counts: QueueCounts,
}

impl Line {
    /// The next free slot for the first in the queue.
    fn slot(&self, interval: u64, now: u64) -> u64 {
        let earliest = self
            .latest
            .map_or(0, |latest| latest.saturating_add(interval));
        earliest.max(now)
    }

    /// The slot of whoever comes now.
    fn last_slot(&self, interval: u64, now: u64) -> u64 {
        let ahead = self.counts.waiting.saturating_mul(interval);
        self.slot(interval, now).saturating_add(ahead)
    }
}

/// A place in the queue. Dropped before its slot it is given back.
struct Place<'a>(&'a Queue);

impl Place<'_> {
    fn depart(self, slot: u64) {
        let mut line = self.0.line();
        line.latest = Some(slot);
        line.counts.waiting -= 1;
        line.counts.departed = line.counts.departed.saturating_add(1);
        drop(line);
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        line.counts.waiting -= 1;
        line.counts.left = line.counts.left.saturating_add(1);
    }
}

impl Queue {
    /// `quota.cells` per `quota.period`, one by one; whoever would wait longer than `max_wait` is refused.
    /// The burst of the quota says nothing here.
    ///
    /// # Errors
    ///
    /// The quota cannot be meant, or more than a million calls could wait.
    pub fn new(quota: &Quota, max_wait: Duration) -> Result<Self, InvalidQuota> {
        let interval = quota.cell_time()?;
        let max_wait = match max_wait {
            Duration::ZERO => 0,
            wait => whole_period("max_wait", wait)?,
        };
        if max_wait / interval > MOST_PLACES {
            return Err(InvalidQuota::OutOfRange("max_wait"));
        }
        Ok(Self {
            interval,
            max_wait,
            began: Instant::now(),
            front: Semaphore::new(1),
            line: Mutex::default(),
        })
    }

    /// Waits for a slot. Dropping the future gives the place back.
    ///
    /// # Errors
    ///
    /// At once, if the wait would be longer than the maximum: [`Refused::NotYet`] with the time after
    /// which it would be exactly the maximum.
    pub async fn enter(&self) -> Result<(), Refused> {
        let place = self.line_up()?;
        let _front = self.front.acquire().await;
        let now = self.nanos();
        let slot = self.line().slot(self.interval, now);
        if slot > now {
            sleep_until(self.began + Duration::from_nanos(slot)).await;
        }
        place.depart(slot);
        Ok(())
    }

    /// What became of those who came.
    pub fn counts(&self) -> QueueCounts {
        self.line().counts
    }

    fn line_up(&self) -> Result<Place<'_>, Refused> {
        let now = self.nanos();
        let mut line = self.line();
        let wait = line.last_slot(self.interval, now) - now;
        if wait > self.max_wait {
            line.counts.refused = line.counts.refused.saturating_add(1);
            return Err(Refused::until(wait, self.max_wait));
        }
        line.counts.waiting += 1;
        Ok(Place(self))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos(&self) -> u64 {
        nanos(Instant::now().saturating_duration_since(self.began))
    }
}
