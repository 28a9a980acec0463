//! What every law promises, and what only one of them does.

use super::*;

const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;

/// `n` calls of one cell at `now`; how many passed, and the state after them.
fn passed<L: Law>(
    law: &L,
    mut state: Option<L::State>,
    now: u64,
    n: u32,
) -> (u32, Option<L::State>) {
    let mut passed = 0;
    for _ in 0..n {
        if let Ok(after) = law.check(state.as_ref(), now, 1) {
            state = Some(after);
            passed += 1;
        }
    }
    (passed, state)
}

async fn grants_nothing_for_a_step_back<L: Law>(law: L) {
    let limiter = Limiter::with_law(law);
    let t = Instant::now() + Duration::from_secs(3600);
    let most = (0..100).filter(|_| limiter.check_at(1, t).is_ok()).count();
    assert!((1..100).contains(&most), "{limiter:?}");
    for back in [1, 999, 61_000, 3_600_000] {
        assert!(limiter.check_at(1, t - ms(back)).is_err(), "{limiter:?}");
    }
    // And what comes after the step is no gain either.
    assert!(limiter.check_at(1, t).is_err(), "{limiter:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_grants_nothing_under_any_law() {
    let second = Duration::from_secs(1);
    grants_nothing_for_a_step_back(Gcra::new(&Quota::per_second(5)).unwrap()).await;
    grants_nothing_for_a_step_back(Leaky::per_second(5, 4).unwrap()).await;
    grants_nothing_for_a_step_back(TokenBucket::envoy(5, 5, second).unwrap()).await;
    grants_nothing_for_a_step_back(TokenBucket::spring(5, 10, 2).unwrap()).await;
    grants_nothing_for_a_step_back(SlidingWindow::new(5, second).unwrap()).await;
    grants_nothing_for_a_step_back(FixedWindow::new(5, second).unwrap()).await;
    grants_nothing_for_a_step_back(WarmUp::new(15, second).unwrap()).await;
}

fn refuses_for_good<L: Law>(law: &L, most: u32) {
    for wait in [0, 1, SECOND, 1_000_000 * SECOND] {
        let never = Err(Refused::InsufficientCapacity { burst: most });
        let answer = law.check(None, wait, most + 1);
        assert_eq!(answer.map(drop), never, "{law:?}");
        let answer = law.check(None, wait, u32::MAX);
        assert_eq!(answer.map(drop), never, "{law:?}");
    }
    assert!(law.check(None, SECOND, most).is_ok(), "{law:?}");
    assert_eq!(law.standing(None, SECOND).limit, most, "{law:?}");
}

#[test]
fn more_than_a_law_ever_admits_at_once_is_refused_for_good() {
    let second = Duration::from_secs(1);
    refuses_for_good(&Gcra::new(&Quota::per_second(5)).unwrap(), 5);
    refuses_for_good(&Leaky::per_second(5, 4).unwrap(), 5);
    refuses_for_good(&TokenBucket::envoy(5, 1, second).unwrap(), 5);
    refuses_for_good(&TokenBucket::spring(5, 11, 2).unwrap(), 5);
    refuses_for_good(&SlidingWindow::new(5, second).unwrap(), 5);
    refuses_for_good(&FixedWindow::new(5, second).unwrap(), 5);
}

#[test]
fn a_million_odd_steps_grant_exactly_what_the_time_holds() {
    // Three years after the beginning a double has no room for single nanoseconds.
    let start = 3 * 365 * 24 * 3600 * SECOND;
    let (cell, step) = (1_429, 17);
    let quota = Quota {
        cells: 1,
        period: Duration::from_nanos(cell),
        burst: 2,
    };
    let law = Gcra::new(&quota).unwrap();
    let (mut tat, mut granted) = (None, 0);
    let steps = 1_000_000;
    for n in 0..steps {
        if let Ok(after) = law.check(tat.as_ref(), start + n * step, 1) {
            tat = Some(after);
            granted += 1;
        }
    }
    assert_eq!(granted, 2 + (steps - 1) * step / cell);
}

#[test]
fn calls_in_a_window_do_not_move_its_end() {
    let law = FixedWindow::new(3, Duration::from_secs(1)).unwrap();
    let mut count = None;
    for at in [100, 400, 700] {
        count = Some(law.check(count.as_ref(), at * MILLI, 1).unwrap());
        let reset = law.standing(count.as_ref(), at * MILLI).reset;
        assert_eq!(reset, ms(1000 - at));
    }
    for at in [800, 900, 999] {
        let wait = law.check(count.as_ref(), at * MILLI, 1).unwrap_err();
        assert_eq!(wait.retry_after(), Some(ms(1000 - at)));
    }
    assert!(law.check(count.as_ref(), SECOND, 3).is_ok());
}

#[test]
fn a_sliding_window_is_not_reset_by_use_either() {
    let law = SlidingWindow::new(10, Duration::from_secs(1)).unwrap();
    let mut slide = None;
    let mut granted = 0;
    for at in (0..10_000).step_by(10) {
        let (passed, after) = passed(&law, slide, at * MILLI, 1);
        granted += passed;
        slide = after;
    }
    // A limit for each second, less what does not fit at the end of one; and a burst on top at most.
    assert!((90..=110).contains(&granted), "{granted}");
}

#[test]
fn nginx_sees_a_step_back_as_no_time_and_a_clock_set_anew_as_one_millisecond() {
    let law = Leaky::per_second(10, 1).unwrap();
    let t = 100_000 * MILLI;
    let (two, full) = passed(&law, None, t, 9);
    assert_eq!(two, 2);
    let wait = |level: &Level, at| law.check(Some(level), at, 1).unwrap_err().retry_after();
    let back = |millis| t - millis * MILLI;
    let full = full.unwrap();
    assert_eq!(wait(&full, back(60_000)), Some(ms(60_100)));
    assert_eq!(wait(&full, back(60_001)), Some(ms(60_101)));
    // In that millisecond 10 of 1000 thousandths drain, and the new clock counts from here.
    let one = law.check(None, t, 1).unwrap();
    let anew = law.check(Some(&one), back(60_001), 1).unwrap();
    assert_eq!(wait(&anew, back(60_001)), Some(ms(99)));
    // After a smaller step nothing drains until the old instant comes again.
    let stepped = law.check(Some(&one), back(60_000), 1).unwrap();
    assert_eq!(stepped, full);
}

#[test]
fn nginx_loses_what_its_division_cuts_off() {
    // 1 request a minute is 16 thousandths a second: nothing drains in 62 ms, one thousandth in 63.
    let law = Leaky::per_minute(1, 1).unwrap();
    let one = law.check(None, 0, 1).unwrap();
    let wait = |level: &Level| {
        law.check(Some(level), 63 * MILLI, 1)
            .unwrap_err()
            .retry_after()
    };
    let two = law.check(Some(&one), 0, 1).unwrap();
    assert_eq!(wait(&two), Some(ms(62_500 - 63)));
    let two = law.check(Some(&one), 62 * MILLI, 1).unwrap();
    assert_eq!(wait(&two), Some(ms(62_562 - 63)));
    // A call of no cells loses nothing.
    let none = law.check(Some(&two), 100 * MILLI, 0).unwrap();
    assert_eq!(none, two);
}

#[test]
fn envoy_fills_at_its_ticks_and_by_whole_fills_only() {
    let law = TokenBucket::envoy(10, 3, Duration::from_millis(50)).unwrap();
    let (ten, empty) = passed(&law, None, 49 * MILLI, 20);
    assert_eq!(ten, 10);
    for (at, expected) in [
        (49, 0),
        (50, 3),
        (99, 3),
        (100, 6),
        (150, 9),
        (200, 10),
        (900, 10),
    ] {
        let standing = law.standing(empty.as_ref(), at * MILLI);
        assert_eq!(standing.remaining, expected, "{at}");
    }
    let wait = law.check(empty.as_ref(), 49 * MILLI, 7).unwrap_err();
    assert_eq!(wait.retry_after(), Some(ms(101)));
}

#[test]
fn spring_counts_in_seconds_charges_its_price_and_blocks_all_at_zero() {
    let law = TokenBucket::spring(2, 10, 4).unwrap();
    let (two, left) = passed(&law, None, SECOND, 9);
    assert_eq!(two, 2);
    // 2 tokens are left: 4 are there in a second, and the whole limit of 2 calls in three.
    let standing = law.standing(left.as_ref(), SECOND + MILLI);
    let expected = Standing {
        limit: 2,
        remaining: 0,
        reset: ms(2999),
    };
    assert_eq!(standing, expected);
    let wait = law.check(left.as_ref(), SECOND + MILLI, 1).unwrap_err();
    assert_eq!(wait.retry_after(), Some(ms(999)));

    let closed = TokenBucket::spring(1, 0, 1).unwrap();
    let never = Err(Refused::InsufficientCapacity { burst: 0 });
    for at in [0, SECOND, 3600 * SECOND] {
        assert_eq!(closed.check(None, at, 1), never);
    }
}

#[test]
fn a_cold_key_gets_a_third_and_is_warm_after_about_its_period() {
    let law = WarmUp::new(100, Duration::from_secs(10)).unwrap();
    let mut heat = None;
    let mut by_second = Vec::new();
    for second in 0..15 {
        let (n, after) = passed(&law, heat, second * SECOND, 200);
        by_second.push(n);
        heat = after;
    }
    assert_eq!(by_second[0], 33);
    assert!(by_second.is_sorted(), "{by_second:?}");
    let warm = by_second.iter().position(|n| *n == 100);
    assert!((8..=12).contains(&warm.unwrap()), "{by_second:?}");
    // Every idle second cools it, and after a long pause it is cold again.
    let (next, _) = passed(&law, heat, 15 * SECOND, 200);
    assert_eq!(next, 100);
    let (later, _) = passed(&law, heat, 17 * SECOND, 200);
    assert!((34..100).contains(&later), "{later}");
    let (late, _) = passed(&law, heat, 100 * SECOND, 200);
    assert_eq!(late, 33);
}

#[test]
fn what_a_cold_key_never_gets_is_not_told_to_wait() {
    let law = WarmUp::new(30, Duration::from_secs(5)).unwrap();
    let never = Refused::InsufficientCapacity { burst: 10 };
    assert_eq!(law.check(None, 0, 11), Err(never));
    assert!(law.check(None, 0, 10).is_ok());
    let more_than_warm = Refused::InsufficientCapacity { burst: 30 };
    assert_eq!(law.check(None, 0, 31), Err(more_than_warm));
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let (zero, second) = (Duration::ZERO, Duration::from_secs(1));
    let refused = [
        Leaky::new(0, 1).is_err(),
        Leaky::per_second(u32::MAX, 1).is_err(),
        Leaky::per_minute(0, 1).is_err(),
        TokenBucket::envoy(0, 1, second).is_err(),
        TokenBucket::envoy(1, 0, second).is_err(),
        TokenBucket::envoy(1, 1, ms(50) - Duration::from_nanos(1)).is_err(),
        TokenBucket::envoy(1, 1, Duration::MAX).is_err(),
        TokenBucket::spring(0, 1, 1).is_err(),
        TokenBucket::spring(1, 1, 0).is_err(),
        TokenBucket::spring(2, 1, 1).is_err(),
        TokenBucket::spring(1, 1, 2).is_err(),
        SlidingWindow::new(0, second).is_err(),
        SlidingWindow::new(1, zero).is_err(),
        SlidingWindow::new(1, Duration::MAX).is_err(),
        FixedWindow::new(0, second).is_err(),
        FixedWindow::new(1, zero).is_err(),
        WarmUp::new(2, second).is_err(),
        WarmUp::new(3, zero).is_err(),
        WarmUp::new(3, Duration::from_nanos(1)).is_err(),
        WarmUp::with_cold_factor(3, second, 1).is_err(),
    ];
    assert_eq!(refused, [true; 20]);
    assert!(TokenBucket::envoy(1, 1, ms(50)).is_ok());
    assert!(TokenBucket::spring(2, 2, 2).is_ok());
    assert!(WarmUp::new(3, second).is_ok());
}
