//! What the limiters promise.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

mod laws;
mod queue;
mod rules;
mod sketch;
mod standing;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_grants_nothing() {
    let limiter = Limiter::new(&Quota::per_second(1)).unwrap();
    let t = Instant::now() + ms(60_000);
    assert_eq!(limiter.check_at(1, t), Ok(()));
    let early = Refused::NotYet {
        retry_after: ms(1000),
    };
    assert_eq!(limiter.check_at(1, t - ms(50_000)), Err(early));
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_takes_no_more_room_than_the_table_has() {
    let limiter = KeyedLimiter::new(&Quota::per_second(1), 100).unwrap();
    let began = Instant::now();
    for key in 0..10_000 {
        let _ = limiter.check_at(&key, 1, began + ms(key));
        assert!(limiter.len() <= 100);
    }
    let counts = limiter.counts();
    assert_eq!(counts.admitted + counts.refused, 10_000);
    assert!(
        counts.admitted > 100,
        "places of keys at rest are used again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_table_works_with_any_law_and_hands_out_its_state() {
    let law = Leaky::per_second(10, 5).unwrap();
    let limiter = KeyedLimiter::with_law(law, 8).unwrap();
    let now = Instant::now();
    let delays: Vec<_> = (0..7)
        .map(|_| {
            limiter
                .spend_at(&"a", 1, now)
                .map(|level| law.delay(&level))
        })
        .collect();
    let held = |n: u64| Ok(ms(100 * n));
    assert_eq!(delays[..6], [0, 1, 2, 3, 4, 5].map(held));
    let wait = delays[6].unwrap_err().retry_after().unwrap();
    assert!(ms(99) < wait && wait <= ms(100), "{wait:?}");
    assert_eq!(limiter.standing_at(&"a", now).remaining, 0);
    assert_eq!(limiter.standing_at(&"b", now).remaining, 6);
}

#[tokio::test(start_paused = true)]
async fn a_service_behind_a_limiter_is_not_called_for_what_is_refused() {
    use tower::{Layer, Service, ServiceExt};
    let law = FixedWindow::new(2, Duration::from_secs(1)).unwrap();
    let limiter = std::sync::Arc::new(Limiter::with_law(law));
    let called = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = called.clone();
    let service = tower::service_fn(move |()| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::future::ready(Ok::<_, ()>(()))
    });
    let mut service = LimitLayer::new(limiter.clone()).layer(service);
    for admitted in [true, true, false] {
        let answer = service.ready().await.unwrap().call(()).await;
        assert_eq!(answer.is_ok(), admitted);
    }
    assert_eq!(called.load(std::sync::atomic::Ordering::Relaxed), 2);
    let counts = Counts {
        admitted: 2,
        refused: 1,
    };
    assert_eq!(limiter.counts(), counts);
}
