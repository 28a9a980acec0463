//! Random calls never bring the limiters out of their law, in either direction: no window gets more
//! than the burst and what the rate gives in its time, and nothing is refused that a bucket of tokens
//! (another algorithm for the same quota) has.

mod governor;
mod laws;
mod leases;
mod races;
mod shared;

use crate::fixed;
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use windtunnel_models::limit::{KeyedLimiter, Limiter, Quota, Refused};

/// A call: which key asks for how many cells, and how many nanoseconds pass before it. Time steps back,
/// too.
type Call = (u8, u32, i64);

/// A bucket of tokens that counts in nanoseconds: a cell costs `cell` of them, and each nanosecond that
/// passes puts one in.
struct Bucket {
    cell: u64,
    most: u64,
    level: u64,
    at: u64,
}

impl Bucket {
    fn full(quota: &Quota) -> Self {
        let cell = cell(quota);
        let most = cell * u64::from(quota.burst);
        Self {
            cell,
            most,
            level: most,
            at: 0,
        }
    }

    /// Takes `cells` or says how long it takes until they are there.
    fn take(&mut self, cells: u32, now: u64) -> Result<(), u64> {
        self.level = self.most.min(self.level + (now - self.at));
        self.at = now;
        let price = self.cell * u64::from(cells);
        let missing = price.saturating_sub(self.level);
        if missing > 0 {
            return Err(missing);
        }
        self.level -= price;
        Ok(())
    }
}

/// The time of one cell in nanoseconds.
fn cell(quota: &Quota) -> u64 {
    quota.period.as_nanos() as u64 / u64::from(quota.cells)
}

fn quota() -> impl Strategy<Value = Quota> {
    (1..=7u32, 1..=3_000u64, 1..=6u32).prop_map(|(cells, period, burst)| Quota {
        cells,
        period: Duration::from_micros(period),
        burst,
    })
}

/// Calls around the scale of the cell times above: bursts, single nanoseconds, long pauses.
fn calls(keys: u8) -> impl Strategy<Value = Vec<Call>> {
    let pause = prop_oneof![
        5 => Just(0),
        2 => -1..=1i64,
        4 => 0..=500_000i64,
        2 => -100_000..=3_000_000i64,
        1 => Just(1_000_000_000),
    ];
    vec((0..keys, 1..=4u32, pause), 1..80)
}

/// Instants by the nanoseconds since the beginning; the clock steps back, `seen` does not.
struct Clock {
    began: Instant,
    now: u64,
    seen: u64,
}

impl Clock {
    fn new() -> Self {
        Self {
            began: Instant::now() + Duration::from_secs(3600),
            now: 0,
            seen: 0,
        }
    }

    fn pause_then(&mut self, by: i64) -> Instant {
        self.now = self.now.saturating_add_signed(by);
        self.seen = self.seen.max(self.now);
        self.began + Duration::from_nanos(self.now)
    }
}

/// What was admitted, in order of time.
#[derive(Default)]
struct Admitted(Vec<(u64, u64)>);

impl Admitted {
    /// Puts `cells` at `now` to it and looks at every window that ends there, for so many quotas.
    fn add(
        &mut self,
        cells: u32,
        now: u64,
        quota: &Quota,
        quotas: u64,
    ) -> Result<(), TestCaseError> {
        self.0.push((now, cells.into()));
        let mut sum = 0;
        for (at, cells) in self.0.iter().rev() {
            sum += cells;
            let given = (now - at) / cell(quota);
            let most = quotas * (u64::from(quota.burst) + given);
            prop_assert!(sum <= most, "{sum} cells in {} ns, not {most}", now - at);
        }
        Ok(())
    }
}

#[test]
fn a_limiter_admits_exactly_what_a_bucket_of_tokens_has() {
    let outcome = fixed::runner(3_000, 10_000).run(&(quota(), calls(1)), |(quota, calls)| {
        let limiter = Limiter::new(&quota).expect("the quota can be meant");
        let (mut clock, mut bucket) = (Clock::new(), Bucket::full(&quota));
        let mut admitted = Admitted::default();
        for (_, cells, pause) in calls {
            let at = clock.pause_then(pause);
            let answer = limiter.check_at(cells, at);
            if cells > quota.burst {
                let never = Refused::InsufficientCapacity { burst: quota.burst };
                prop_assert_eq!(answer, Err(never));
                continue;
            }
            let expected = bucket.take(cells, clock.seen);
            let expected = expected.map_err(|missing| Refused::NotYet {
                retry_after: Duration::from_nanos(missing),
            });
            prop_assert_eq!(answer, expected);
            if answer.is_ok() {
                admitted.add(cells, clock.seen, &quota, 1)?;
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn no_key_gets_more_than_its_quota_and_all_of_them_no_more_than_the_table_has_room_for() {
    let cases = (quota(), 1..=3usize, calls(6));
    let outcome = fixed::runner(3_000, 10_000).run(&cases, |(quota, capacity, calls)| {
        let limiter = KeyedLimiter::new(&quota, capacity).expect("the quota can be meant");
        let mut clock = Clock::new();
        let mut by_key: BTreeMap<u8, Admitted> = BTreeMap::new();
        let mut all = Admitted::default();
        for (key, cells, pause) in calls {
            let at = clock.pause_then(pause);
            if limiter.check_at(&key, cells, at).is_ok() {
                by_key
                    .entry(key)
                    .or_default()
                    .add(cells, clock.seen, &quota, 1)?;
                all.add(cells, clock.seen, &quota, capacity as u64 + 1)?;
            }
            prop_assert!(limiter.len() <= capacity);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn keys_that_have_room_do_not_feel_each_other() {
    let outcome = fixed::runner(1_500, 10_000).run(&(quota(), calls(4)), |(quota, calls)| {
        let limiter = KeyedLimiter::new(&quota, 4).expect("the quota can be meant");
        let mut clock = Clock::new();
        let mut buckets: BTreeMap<u8, Bucket> = BTreeMap::new();
        for (key, cells, pause) in calls {
            let at = clock.pause_then(pause);
            let answer = limiter.check_at(&key, cells, at);
            if cells <= quota.burst {
                let bucket = buckets.entry(key).or_insert_with(|| Bucket::full(&quota));
                prop_assert_eq!(answer.is_ok(), bucket.take(cells, clock.seen).is_ok());
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
