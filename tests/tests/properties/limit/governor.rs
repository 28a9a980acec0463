//! The generic cell rate algorithm against the governor library: equal decisions and equal waits.

use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota as GovernorQuota, RateLimiter, middleware, nanos::Nanos, state};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::{num::NonZeroU32, time::Duration};
use windtunnel_models::limit::{Gcra, Law, Quota, Refused};

const QUOTAS: u32 = 500;
const CALLS: u32 = 200;

fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    rng.next_u64() % bound
}

type Theirs = RateLimiter<
    state::NotKeyed,
    state::InMemoryState,
    FakeRelativeClock,
    middleware::NoOpMiddleware<Nanos>,
>;

/// What governor says to `cells` at its clock's time, in our words.
fn ask(limiter: &Theirs, clock: &FakeRelativeClock, cells: u32) -> Result<(), Refused> {
    let cells = NonZeroU32::new(cells).expect("a cell at least");
    match limiter.check_n(cells) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(until)) => Err(Refused::NotYet {
            retry_after: until.wait_time_from(clock.now()),
        }),
        Err(insufficient) => Err(Refused::InsufficientCapacity {
            burst: insufficient.0,
        }),
    }
}

#[test]
fn a_hundred_thousand_calls_are_decided_as_by_governor() {
    let mut rng = ChaCha8Rng::seed_from_u64(28);
    let (mut admitted, mut early, mut never) = (0, 0, 0);
    for _ in 0..QUOTAS {
        let cell = Duration::from_nanos(1 + below(&mut rng, 3_000_000));
        let burst = 1 + below(&mut rng, 8) as u32;
        let theirs = GovernorQuota::with_period(cell).expect("it is not zero");
        let theirs = theirs.allow_burst(NonZeroU32::new(burst).expect("one at least"));
        let clock = FakeRelativeClock::default();
        let limiter = Theirs::direct_with_clock(theirs, clock.clone());
        let quota = Quota {
            cells: 1,
            period: cell,
            burst,
        };
        let law = Gcra::new(&quota).expect("the quota can be meant");
        let (mut tat, mut now) = (None, 0);
        for _ in 0..CALLS {
            let pause = match below(&mut rng, 4) {
                0 => 0,
                1 => 1,
                2 => below(&mut rng, 2 * cell.as_nanos() as u64),
                _ => below(&mut rng, 3 * u64::from(burst) * cell.as_nanos() as u64),
            };
            now += pause;
            clock.advance(Duration::from_nanos(pause));
            let cells = 1 + below(&mut rng, u64::from(burst) + 2) as u32;
            let ours = law.check(tat.as_ref(), now, cells);
            assert_eq!(
                ours.map(drop),
                ask(&limiter, &clock, cells),
                "{quota:?} {now} {cells}"
            );
            match ours {
                Ok(after) => {
                    tat = Some(after);
                    admitted += 1;
                }
                Err(Refused::NotYet { .. }) => early += 1,
                Err(_) => never += 1,
            }
        }
    }
    println!("V-28 | governor 0.10 | {admitted} admitted, {early} early, {never} above the burst");
    assert_eq!(admitted + early + never, QUOTAS * CALLS);
    assert!(admitted.min(early).min(never) > 10_000);
}
