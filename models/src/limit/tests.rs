//! What the limiters promise.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test]
async fn idle_time_saves_no_more_than_the_burst_and_a_refusal_spends_nothing() {
    let limiter = Limiter::new(&Quota::per_second(2)).unwrap();
    let first = Instant::now();
    assert_eq!(limiter.check_at(1, first), Ok(()));
    let t = first + ms(60_000);
    assert_eq!(limiter.check_at(2, t), Ok(()));
    let early = Refused::NotYet {
        retry_after: ms(500),
    };
    for _ in 0..3 {
        assert_eq!(limiter.check_at(1, t), Err(early));
    }
    assert!(
        limiter
            .check_at(1, t + ms(500) - Duration::from_nanos(1))
            .is_err()
    );
    assert_eq!(limiter.check_at(1, t + ms(500)), Ok(()));
}

#[tokio::test]
async fn a_clock_that_steps_back_grants_nothing() {
    let limiter = Limiter::new(&Quota::per_second(1)).unwrap();
    let t = Instant::now() + ms(60_000);
    assert_eq!(limiter.check_at(1, t), Ok(()));
    let early = Refused::NotYet {
        retry_after: ms(1000),
    };
    assert_eq!(limiter.check_at(1, t - ms(50_000)), Err(early));
}

#[tokio::test]
async fn more_than_the_burst_is_refused_for_good_and_spends_nothing() {
    let limiter = Limiter::new(&Quota::per_second(5)).unwrap();
    let t = Instant::now();
    let never = Refused::InsufficientCapacity { burst: 5 };
    assert_eq!(never.retry_after(), None);
    for wait in [0, 1000, 1_000_000] {
        assert_eq!(limiter.check_at(6, t + ms(wait)), Err(never));
    }
    assert_eq!(limiter.check_at(5, t + ms(1_000_000)), Ok(()));
}

#[tokio::test]
async fn a_wait_is_right_to_the_nanosecond() {
    for cells in [1, 2, 3] {
        let limiter = Limiter::new(&Quota::per_second(3)).unwrap();
        let t = Instant::now();
        assert_eq!(limiter.check_at(3, t), Ok(()));
        let early = limiter.check_at(cells, t).unwrap_err();
        let then = t + early.retry_after().unwrap();
        let before = then - Duration::from_nanos(1);
        assert!(limiter.check_at(cells, before).is_err(), "{cells}");
        assert_eq!(limiter.check_at(cells, then), Ok(()), "{cells}");
    }
}

#[tokio::test]
async fn a_full_table_forgets_only_keys_at_rest() {
    let limiter = KeyedLimiter::new(&Quota::per_second(1), 2).unwrap();
    let t = Instant::now();
    assert_eq!(limiter.check_at(&"a", 1, t), Ok(()));
    assert_eq!(limiter.check_at(&"b", 1, t + ms(500)), Ok(()));
    let rest = t + ms(1000);
    assert_eq!(limiter.check_at(&"c", 1, rest), Ok(()));
    assert!(limiter.check_at(&"b", 1, rest).is_err());
    assert!(limiter.check_at(&"c", 1, rest).is_err());
    assert_eq!(limiter.len(), 2);
}

#[tokio::test]
async fn keys_without_room_share_one_quota_and_gain_nothing_when_room_comes() {
    let limiter = KeyedLimiter::new(&Quota::per_second(2), 1).unwrap();
    let t = Instant::now();
    let passed = |now| {
        (0..50)
            .filter(|key| limiter.check_at(key, 1, now).is_ok())
            .count()
    };
    // Key 0 takes the only place; all the others have two cells together.
    assert_eq!(passed(t), 3);
    // Key 0 is at rest again; who takes its place pays for what the overflow spent.
    let rest = t + ms(500);
    let early = Refused::NotYet {
        retry_after: ms(500),
    };
    assert_eq!(limiter.check_at(&7, 2, rest), Err(early));
    assert_eq!(limiter.check_at(&7, 1, rest), Ok(()));
    assert_eq!(limiter.check_at(&7, 1, rest), Err(early));
    assert_eq!(limiter.len(), 1);
}

#[test]
fn nonsense_is_refused_when_a_limiter_is_built() {
    let quota = Quota::per_second(1);
    assert!(Gcra::new(&Quota { cells: 0, ..quota }).is_err());
    assert!(Gcra::new(&Quota { burst: 0, ..quota }).is_err());
    let period = Duration::from_nanos(1);
    assert!(Gcra::new(&Quota { period, ..quota }).is_ok());
    let cells = 2;
    assert!(
        Gcra::new(&Quota {
            cells,
            period,
            ..quota
        })
        .is_err()
    );
    let period = Duration::MAX;
    assert!(Gcra::new(&Quota { period, ..quota }).is_err());
}
