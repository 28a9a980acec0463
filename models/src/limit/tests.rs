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
    let t = Instant::now() + ms(60_000);
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
async fn a_full_table_forgets_only_keys_at_rest() {
    let limiter = KeyedLimiter::new(&Quota::per_second(1), 2).unwrap();
    let t = Instant::now();
    assert_eq!(limiter.check_at(&"a", 1, t), Ok(()));
    assert_eq!(limiter.check_at(&"b", 1, t + ms(500)), Ok(()));
    let full = limiter.check_at(&"c", 1, t + ms(900)).unwrap_err();
    assert!(matches!(full, Refused::TableFull { .. }));
    let later = t + full.retry_after().unwrap() + ms(900);
    assert_eq!(limiter.check_at(&"c", 1, later), Ok(()));
    assert!(limiter.check_at(&"b", 1, later).is_err());
    assert_eq!(limiter.len(), 2);
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
