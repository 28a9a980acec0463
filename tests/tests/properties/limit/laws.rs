//! Every law against a plain reference that remembers all that was ever admitted, and what all laws
//! promise alike: refusals that spend nothing, waits, figures and forgetting that are right to the
//! nanosecond, and a bound on every window.

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use std::time::Duration;
use windtunnel_models::limit::{
    FixedWindow, Law, Leaky, Refused, SlidingWindow, TokenBucket, WarmUp,
};

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;

/// What was admitted: when, and how many cells.
type Log = Vec<(u64, u32)>;

/// A call: how many cells, and how many sixteenths of the law's tick pass before it, and nanoseconds.
type Call = (u32, u64, u64);

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let pause = prop_oneof![
        4 => Just(0),
        4 => 0..=16u64,
        2 => 0..=48u64,
        1 => Just(16),
        1 => 0..=1_000u64,
    ];
    let odd = prop_oneof![3 => Just(0), 1 => 0..=1u64, 1 => 0..=15 * MILLI];
    vec((0..=6u32, pause, odd), 1..60)
}

/// A law, what it says by its own words, and its bound on a window of so many nanoseconds.
struct Case<L, R, B> {
    law: L,
    tick: u64,
    admits: R,
    bound: B,
    /// The figures hold to the nanosecond.
    exact: bool,
}

impl<L: Law, R: Fn(&Log, u64, u32) -> bool, B: Fn(u64) -> u64> Case<L, R, B> {
    fn try_calls(&self, start: u64, calls: Vec<Call>) -> Result<(), TestCaseError> {
        let (mut state, mut now, mut log) = (None, start, Log::new());
        for (cells, sixteenths, odd) in calls {
            now += self.tick / 16 * sixteenths + odd;
            let answer = self.law.check(state.as_ref(), now, cells);
            let expected = (self.admits)(&log, now, cells);
            prop_assert_eq!(answer.is_ok(), expected, "{:?} {} {:?}", log, now, answer);
            self.figures(state.as_ref(), now)?;
            match answer {
                Ok(after) => {
                    log.push((now, cells));
                    self.window(&log)?;
                    self.forgetting(&after, now)?;
                    state = Some(after);
                }
                Err(refused) => self.wait(state.as_ref(), now, cells, refused)?,
            }
        }
        Ok(())
    }

    /// Every window that ends with the last call.
    fn window(&self, log: &Log) -> Result<(), TestCaseError> {
        let now = log[log.len() - 1].0;
        let mut sum = 0;
        for (at, cells) in log.iter().rev() {
            sum += u64::from(*cells);
            let most = (self.bound)(now - at);
            prop_assert!(sum <= most, "{} in {} ns, not {}", sum, now - at, most);
        }
        Ok(())
    }

    /// Who waits as told passes, and a nanosecond earlier does not; or never does.
    fn wait(
        &self,
        state: Option<&L::State>,
        now: u64,
        cells: u32,
        refused: Refused,
    ) -> Result<(), TestCaseError> {
        let passes = |at| self.law.check(state, at, cells).is_ok();
        if let Some(wait) = refused.retry_after() {
            let then = now + wait.as_nanos() as u64;
            prop_assert!(then > now);
            prop_assert!(passes(then), "not after {:?}", wait);
            prop_assert!(!passes(then - 1), "earlier than {:?}", wait);
        } else {
            let later = (0..50).map(|n| now + n * self.tick);
            prop_assert!(!later.chain([now + (1 << 60)]).any(passes), "{:?}", refused);
        }
        Ok(())
    }

    /// So many pass and not one more; and at the reset all do, and not a nanosecond earlier.
    fn figures(&self, state: Option<&L::State>, now: u64) -> Result<(), TestCaseError> {
        let standing = self.law.standing(state, now);
        let passes = |at, cells| self.law.check(state, at, cells).is_ok();
        prop_assert!(passes(now, standing.remaining));
        prop_assert!(!passes(now, standing.remaining + 1), "{:?}", standing);
        let then = now + standing.reset.as_nanos() as u64;
        if self.exact {
            prop_assert!(passes(then, standing.limit));
            prop_assert!(!passes(then, standing.limit + 1));
            let early = then > now && passes(then - 1, standing.limit);
            prop_assert!(!early, "{:?}", standing);
        }
        Ok(())
    }

    /// A key at rest has the same future as one never seen.
    fn forgetting(&self, state: &L::State, now: u64) -> Result<(), TestCaseError> {
        let rest = self.law.rest(state).max(now);
        for later in [0, 1, self.tick / 2, self.tick] {
            let at = rest + later;
            for cells in 0..8 {
                let known = self.law.check(Some(state), at, cells);
                let fresh = self.law.check(None, at, cells);
                prop_assert_eq!(known.clone().map(drop), fresh.clone().map(drop));
                let (Ok(known), Ok(fresh)) = (known, fresh) else {
                    continue;
                };
                for after in [0, self.tick / 3, self.tick, 3 * self.tick] {
                    let known = self.law.standing(Some(&known), at + after);
                    let fresh = self.law.standing(Some(&fresh), at + after);
                    prop_assert_eq!(known, fresh, "{} after {} cells", after, cells);
                }
            }
        }
        Ok(())
    }
}

fn try_law<S: Strategy, L, R, B>(settings: S, case: impl Fn(S::Value) -> Case<L, R, B>)
where
    L: Law,
    R: Fn(&Log, u64, u32) -> bool,
    B: Fn(u64) -> u64,
{
    let cases = (settings, 0..10 * SECOND, calls());
    let outcome = fixed::runner(1_500, 10_000).run(&cases, |(settings, start, calls)| {
        case(settings).try_calls(start, calls)
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// nginx, one request after the other: excess and last, if all of them pass.
fn nginx(log: &Log, rate: i64, burst: i64) -> Option<(i64, i64)> {
    let mut seen: Option<(i64, i64)> = None;
    for (at, cells) in log {
        let now = (at / MILLI) as i64;
        for _ in 0..*cells {
            let Some((excess, last)) = seen else {
                seen = Some((0, now));
                continue;
            };
            let elapsed = now - last;
            let next = (excess - rate * elapsed / 1000 + 1000).max(0);
            if next > burst * 1000 {
                return None;
            }
            seen = Some((next, if elapsed == 0 { last } else { now }));
        }
    }
    seen.or(Some((0, 0)))
}

#[test]
fn a_leaky_bucket_admits_what_nginx_does_one_by_one() {
    try_law((1..=40_000u32, 0..=4u32), |(rate, burst)| Case {
        law: Leaky::new(rate, burst).expect("it can be meant"),
        tick: SECOND * 1000 / u64::from(rate),
        admits: move |log: &Log, now: u64, cells: u32| {
            let mut log = log.clone();
            log.push((now, cells));
            nginx(&log, rate.into(), burst.into()).is_some()
        },
        bound: move |window: u64| {
            let drained = u128::from(rate) * u128::from(window.div_ceil(MILLI)) / 1_000_000;
            u64::from(burst) + 2 + drained as u64
        },
        exact: true,
    });
}

/// The tokens at `now`, tick by tick.
fn tokens(log: &Log, now: u64, most: u64, per_fill: u64, interval: u64) -> u64 {
    let (mut left, mut tick) = (most, log.first().map_or(0, |(at, _)| at / interval));
    for (at, taken) in log.iter().chain([&(now, 0)]) {
        while tick < at / interval && left < most {
            left = (left + per_fill).min(most);
            tick += 1;
        }
        tick = at / interval;
        left -= u64::from(*taken);
    }
    left
}

#[test]
fn a_token_bucket_of_envoy_holds_what_its_ticks_put_in() {
    let settings = (1..=6u32, 1..=4u32, 50..=2_000u64);
    try_law(settings, |(most, per_fill, interval)| {
        let interval = interval * MILLI;
        let law = TokenBucket::envoy(most, per_fill, Duration::from_nanos(interval));
        Case {
            law: law.expect("it can be meant"),
            tick: interval,
            admits: move |log: &Log, now: u64, cells: u32| {
                u64::from(cells) <= tokens(log, now, most.into(), per_fill.into(), interval)
            },
            bound: move |window: u64| {
                u64::from(most) + u64::from(per_fill) * (window / interval + 1)
            },
            exact: true,
        }
    });
}

#[test]
fn a_token_bucket_of_spring_holds_what_whole_seconds_put_in() {
    let settings = (1..=4u32, 0..=12u32, 1..=3u32);
    try_law(settings, |(rate, more, price)| {
        let most = rate.max(price) + more;
        let law = TokenBucket::spring(rate, most, price);
        Case {
            law: law.expect("it can be meant"),
            tick: SECOND,
            admits: move |log: &Log, now: u64, cells: u32| {
                let paid: Log = log.iter().map(|(at, n)| (*at, n * price)).collect();
                u64::from(cells * price) <= tokens(&paid, now, most.into(), rate.into(), SECOND)
            },
            bound: move |window: u64| {
                let tokens = u64::from(most) + u64::from(rate) * (window / SECOND + 1);
                tokens / u64::from(price)
            },
            exact: true,
        }
    });
}

fn spent(log: &Log, from: u64, to: u64) -> u64 {
    let within = log.iter().filter(|(at, _)| (from..to).contains(at));
    within.map(|(_, cells)| u64::from(*cells)).sum()
}

#[test]
fn a_sliding_window_admits_what_its_estimate_leaves_room_for() {
    try_law(
        (1..=6u32, 1..=2_000u64, 0..=MILLI),
        |(limit, millis, odd)| {
            let period = millis * MILLI + odd;
            let law = SlidingWindow::new(limit, Duration::from_nanos(period));
            Case {
                law: law.expect("it can be meant"),
                tick: period,
                admits: move |log: &Log, now: u64, cells: u32| {
                    let begins = now / period * period;
                    let previous = spent(log, begins.saturating_sub(period), begins);
                    let current = spent(log, begins, now + 1);
                    let estimate = u128::from(previous) * u128::from(period - (now - begins))
                        + u128::from(current) * u128::from(period);
                    estimate + u128::from(cells) * u128::from(period)
                        <= u128::from(limit) * u128::from(period)
                },
                bound: move |window: u64| {
                    let rate = u128::from(limit) * u128::from(window) / u128::from(period);
                    u64::from(limit) + rate as u64
                },
                exact: true,
            }
        },
    );
}

#[test]
fn a_fixed_window_admits_its_limit_in_each_window() {
    try_law(
        (1..=6u32, 1..=2_000u64, 0..=MILLI),
        |(limit, millis, odd)| {
            let period = millis * MILLI + odd;
            let law = FixedWindow::new(limit, Duration::from_nanos(period));
            Case {
                law: law.expect("it can be meant"),
                tick: period,
                admits: move |log: &Log, now: u64, cells: u32| {
                    let begins = now / period * period;
                    spent(log, begins, now + 1) + u64::from(cells) <= limit.into()
                },
                bound: move |window: u64| u64::from(limit) * (window / period + 2),
                exact: true,
            }
        },
    );
}

/// Sentinel in floating point, second by second: may `cells` more pass?
fn sentinel(log: &Log, now: u64, cells: u32, rate: f64, period: u64) -> bool {
    let warning = (rate * period as f64 / 2.0).floor();
    let most = warning + (2.0 * rate * period as f64 / 4.0).floor();
    let slope = 2.0 / rate / (most - warning);
    let mut stored = most;
    let first = log.first().map_or(now, |(at, _)| *at) / SECOND;
    for second in first..now / SECOND {
        let passed = spent(log, second * SECOND, (second + 1) * SECOND) as f64;
        if stored < warning || passed < (rate / 3.0).floor() {
            stored = (stored + rate).min(most);
        }
        stored = (stored - passed).max(0.0);
    }
    let passed = spent(log, now / SECOND * SECOND, now + 1) + u64::from(cells);
    let above = (stored - warning).max(0.0);
    let allowed = 1.0 / (above * slope + 1.0 / rate);
    // Sentinel takes the next number above, for the same reason.
    passed as f64 <= allowed * (1.0 + 1e-12)
}

#[test]
fn a_warm_up_follows_the_slope_of_sentinel() {
    try_law((3..=20u32, 1..=12u64), |(rate, period)| {
        let law = WarmUp::new(rate, Duration::from_secs(period));
        Case {
            law: law.expect("it can be meant"),
            tick: SECOND,
            admits: move |log: &Log, now: u64, cells: u32| {
                sentinel(log, now, cells, rate.into(), period)
            },
            bound: move |window: u64| u64::from(rate) * (window / SECOND + 2),
            exact: false,
        }
    });
}
