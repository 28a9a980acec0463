//! The sliding window counter: two counts per key and an estimate, in whole numbers.
//!
//! f is the part of the current window that is over; the estimate is previous·(1 − f) + current. Of n
//! cells: accepted iff estimate + n ≤ limit. Both sides are multiplied by the period, so nothing is
//! rounded. The estimate falls by at most limit per period, so a window of length w gets at most
//! limit·(1 + w ÷ period): a burst after a pause, then the rate.

use std::time::Duration;

use super::Law;
use crate::limit::policy::whole_period;
use crate::limit::{InvalidQuota, Refused, Standing};

/// The law of so many cells per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlidingWindow {
    limit: u32,
    period: u64,
}

/// What a key spent in a window and in the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slide {
    window: u64,
    previous: u32,
    current: u32,
}

impl SlidingWindow {
    /// At most about `limit` in any `period`.
    ///
    /// # Errors
    ///
    /// A value of zero, or a period above ten years.
    pub fn new(limit: u32, period: Duration) -> Result<Self, InvalidQuota> {
        if limit == 0 {
            return Err(InvalidQuota::Zero("limit"));
        }
        let period = whole_period("period", period)?;
        Ok(Self { limit, period })
    }

    /// The estimate at `now`, for people: decisions are made on whole numbers.
    pub fn estimate(&self, slide: &Slide, now: u64) -> f64 {
        self.weight(&self.at(Some(slide), now), now) as f64 / self.period as f64
    }

    /// The state after `cells` are spent whatever the limit says.
    pub(in crate::limit) fn spend(&self, slide: &Slide, now: u64, cells: u32) -> Slide {
        let mut slide = self.at(Some(slide), now);
        slide.current = slide.current.saturating_add(cells);
        slide
    }

    /// The counts as they are in the window of `now`.
    fn at(&self, slide: Option<&Slide>, now: u64) -> Slide {
        let slide = slide.copied().unwrap_or_default();
        let window = now / self.period;
        let previous = match window.saturating_sub(slide.window) {
            0 => return slide,
            1 => slide.current,
            _ => 0,
        };
        Slide {
            window,
            previous,
            current: 0,
        }
    }

    /// The estimate times the period; `slide` is in the window of `now`.
    fn weight(&self, slide: &Slide, now: u64) -> u128 {
        let rest = self.period - now % self.period;
        u128::from(slide.previous) * u128::from(rest)
            + u128::from(slide.current) * u128::from(self.period)
    }

    /// How much of a window must be over until its previous count leaves room for `cells` beside
    /// `current`; none if it never does.
    fn room(&self, previous: u32, current: u32, cells: u32) -> Option<u64> {
        let free = self.limit.checked_sub(current)?.checked_sub(cells)?;
        if previous <= free {
            return Some(0);
        }
        // previous·(period − e) ≤ free·period
        let kept = u128::from(free) * u128::from(self.period) / u128::from(previous);
        Some(self.period - kept as u64)
    }

    /// When `cells` fit, if nobody else calls; `slide` is in the window of now, and they do not fit yet.
    fn fits(&self, slide: &Slide, cells: u32) -> u64 {
        let begins = slide.window.saturating_mul(self.period);
        match self.room(slide.previous, slide.current, cells) {
            Some(over) if over < self.period => begins.saturating_add(over),
            // In the next window what was current fades, and at its end nothing is left.
            _ => {
                let over = self.room(slide.current, 0, cells).unwrap_or(self.period);
                begins.saturating_add(self.period).saturating_add(over)
            }
        }
    }
}

impl Law for SlidingWindow {
    type State = Slide;

    fn check(&self, slide: Option<&Slide>, now: u64, cells: u32) -> Result<Slide, Refused> {
        if cells > self.limit {
            return Err(Refused::InsufficientCapacity { burst: self.limit });
        }
        let slide = self.at(slide, now);
        let asked = u128::from(cells) * u128::from(self.period);
        let most = u128::from(self.limit) * u128::from(self.period);
        if self.weight(&slide, now) + asked > most {
            return Err(Refused::until(self.fits(&slide, cells), now));
        }
        Ok(self.spend(&slide, now, cells))
    }

    fn rest(&self, slide: &Slide) -> u64 {
        let windows = match (slide.current, slide.previous) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        };
        slide
            .window
            .saturating_add(windows)
            .saturating_mul(self.period)
    }

    fn standing(&self, slide: Option<&Slide>, now: u64) -> Standing {
        let slide = self.at(slide, now);
        let spent = self.weight(&slide, now).div_ceil(self.period.into());
        let rest = self.rest(&slide);
        Standing {
            limit: self.limit,
            remaining: self.limit - spent.min(self.limit.into()) as u32,
            reset: Duration::from_nanos(rest.saturating_sub(now)),
        }
    }
}
