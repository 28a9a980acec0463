//! A limit for more keys than can be remembered: a sliding window over a count-min sketch (Cormode and
//! Muthukrishnan) of 4 rows and 1024 columns.
//!
//! Each key has one counter in each row, shared with whoever else falls there. The smallest of the four
//! is never less than what the key itself spent, so no key ever gets more than the limit. It can be more:
//! with N cells admitted in the two last windows, by more than e·N ÷ 1024 for at most e⁻⁴ (1.8 %) of the
//! keys. Those are refused too early. So it is for finding the few keys that send most: choose a limit
//! well above N ÷ 376. Refused cells are not counted.

use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand_core::Rng;
use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

use super::laws::{Law, Slide, SlidingWindow};
use super::{Counts, InvalidQuota, Refused, Standing};
use crate::chance::nanos;

const ROWS: usize = 4;
const COLUMNS: usize = 1024;

/// A sliding window per key, in memory that does not grow with the number of keys (64 KiB).
#[derive(Debug)]
pub struct SketchLimiter {
    law: SlidingWindow,
    /// Unknown to callers, so that nobody chooses keys that fall on those of another.
    seed: u64,
    began: Instant,
    sketch: Mutex<Sketch>,
}

#[derive(Debug)]
struct Sketch {
    cells: Vec<Slide>,
    latest: u64,
    counts: Counts,
}

impl SketchLimiter {
    /// At most about `limit` cells per key in any `period`.
    ///
    /// # Errors
    ///
    /// A value of zero, or a period above ten years.
    pub fn new(limit: u32, period: Duration, rng: &mut impl Rng) -> Result<Self, InvalidQuota> {
        Ok(Self {
            law: SlidingWindow::new(limit, period)?,
            seed: rng.next_u64(),
            began: Instant::now(),
            sketch: Mutex::new(Sketch {
                cells: vec![Slide::default(); ROWS * COLUMNS],
                latest: 0,
                counts: Counts::default(),
            }),
        })
    }

    /// Asks for one cell of `key`, now.
    ///
    /// # Errors
    ///
    /// Over the limit, or so it seems.
    pub fn check(&self, key: &(impl Hash + ?Sized)) -> Result<(), Refused> {
        self.check_at(key, 1, Instant::now())
    }

    /// Asks for `cells` of `key` at `now`; an instant before the latest one seen counts as that.
    ///
    /// # Errors
    ///
    /// Over the limit, or so it seems; or more than the limit at once.
    pub fn check_at(
        &self,
        key: &(impl Hash + ?Sized),
        cells: u32,
        now: Instant,
    ) -> Result<(), Refused> {
        let places = self.places(key);
        let mut sketch = self.sketch.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.nanos(now).max(sketch.latest);
        sketch.latest = now;
        let answer = sketch.ask(&self.law, &places, now, cells);
        sketch.counts.add(answer.is_ok());
        answer?;
        for place in places {
            sketch.cells[place] = self.law.spend(&sketch.cells[place], now, cells);
        }
        Ok(())
    }

    /// How `key` seems to stand at `now`: never better than it does.
    pub fn standing_at(&self, key: &(impl Hash + ?Sized), now: Instant) -> Standing {
        let places = self.places(key);
        let sketch = self.sketch.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.nanos(now).max(sketch.latest);
        let rows = places.map(|place| self.law.standing(Some(&sketch.cells[place]), now));
        rows.into_iter().fold(rows[0], |a, b| Standing {
            limit: a.limit,
            remaining: a.remaining.max(b.remaining),
            reset: a.reset.min(b.reset),
        })
    }

    /// How many checks were admitted and refused.
    pub fn counts(&self) -> Counts {
        let sketch = self.sketch.lock().unwrap_or_else(PoisonError::into_inner);
        sketch.counts
    }

    /// The key's counter in each row: ten bits of one hash each, independent of each other.
    fn places(&self, key: &(impl Hash + ?Sized)) -> [usize; ROWS] {
        let mut hasher = Xxh3::with_seed(self.seed);
        key.hash(&mut hasher);
        let hash = hasher.finish();
        std::array::from_fn(|row| {
            let column = (hash >> (16 * row)) as usize % COLUMNS;
            row * COLUMNS + column
        })
    }

    fn nanos(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.began))
    }
}

impl Sketch {
    /// Admitted if any of the key's counters leaves room; else refused until the first of them does.
    fn ask(
        &self,
        law: &SlidingWindow,
        places: &[usize; ROWS],
        now: u64,
        cells: u32,
    ) -> Result<(), Refused> {
        let [first, rest @ ..] = places.map(|place| {
            let answer = law.check(Some(&self.cells[place]), now, cells);
            answer.map(drop)
        });
        rest.into_iter().fold(first, |a, b| match (a, b) {
            (Err(a), Err(b)) if a.stricter(b) == a => Err(b),
            (Err(a), Err(_)) => Err(a),
            _ => Ok(()),
        })
    }
}
