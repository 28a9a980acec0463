//! What repetition promises.

use std::collections::BTreeSet;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(3)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn no_pause_exceeds_the_cap_however_late_the_attempt() {
    for jitter in [
        Jitter::None,
        Jitter::Full,
        Jitter::Equal,
        Jitter::Decorrelated,
    ] {
        let backoff = Backoff {
            base: ms(10),
            cap: ms(1000),
            jitter,
        };
        let (mut rng, mut pauses) = (rng(), backoff.pauses());
        let drawn: Vec<_> = (0..200).map(|_| pauses.next(&mut rng)).collect();
        assert!(drawn.iter().all(|pause| *pause <= ms(1000)), "{jitter:?}");
        assert!(*drawn.iter().max().unwrap() > ms(900), "{jitter:?}");
        let low = match jitter {
            Jitter::None => ms(20),
            Jitter::Full => ms(0),
            _ => ms(10),
        };
        assert!(drawn.iter().all(|pause| *pause >= low), "{jitter:?}");
    }
}

#[test]
fn a_course_ends_with_its_attempts_and_before_its_deadline() {
    let policy = Policy::default();
    let now = Instant::now();
    let (mut rng, mut course) = (rng(), policy.course(None));
    assert!(course.next(now, None, &mut rng).is_ok());
    assert!(course.next(now, None, &mut rng).is_ok());
    assert_eq!(course.next(now, None, &mut rng), Err(GiveUp::Attempts));
    let mut course = policy.course(Some(now + ms(500)));
    let asked = Some(ms(500));
    assert_eq!(course.next(now, asked, &mut rng), Err(GiveUp::Deadline));
    assert_eq!(course.attempts(), 1);
    let exact = Policy {
        backoff: Backoff {
            jitter: Jitter::None,
            ..Backoff::default()
        },
        ..Policy::default()
    };
    let mut next = |left| {
        let mut course = exact.course(Some(now + left));
        course.next(now, None, &mut rng)
    };
    assert_eq!(next(ms(50)), Err(GiveUp::Deadline));
    assert_eq!(next(ms(50) + Duration::from_nanos(1)), Ok(ms(50)));
}

#[test]
fn a_servers_wish_is_read_in_seconds_and_as_a_date_by_its_own_clock() {
    let mut headers = HeaderMap::new();
    let date = "Sun, 06 Nov 1994 08:50:37 GMT";
    headers.insert("retry-after", HeaderValue::from_static(date));
    assert_eq!(retry_after(&headers), None);
    let sent = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
    headers.insert("date", sent);
    for (text, wish) in [
        (date, Some(60)),
        ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
        ("7", Some(7)),
        ("-7", None),
        ("", None),
        ("soon", None),
        ("99999999999999999999999", Some(u64::MAX)),
    ] {
        headers.insert("retry-after", HeaderValue::from_static(text));
        assert_eq!(
            retry_after(&headers),
            wish.map(Duration::from_secs),
            "{text}"
        );
    }
}

#[test]
fn a_servers_wish_is_kept_and_clamped_and_clients_still_part() {
    let policy = Policy::default();
    let now = Instant::now();
    let pause = |seed, asked| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pause = policy.course(None).next(now, Some(asked), &mut rng);
        pause.unwrap()
    };
    for (asked, kept) in [(7, 7), (300, 300), (301, 300), (u64::MAX, 300)] {
        let (asked, kept) = (Duration::from_secs(asked), Duration::from_secs(kept));
        let pauses: BTreeSet<_> = (0..50).map(|seed| pause(seed, asked)).collect();
        assert_eq!(pauses.len(), 50);
        let latest = kept + policy.backoff.bound(1);
        assert!(pauses.iter().all(|pause| (kept..=latest).contains(pause)));
    }
}

#[test]
fn time_alone_fills_no_budget() {
    let t = Instant::now();
    let mut budget = TokenBudget::new(Duration::from_secs(10), 0, 0.5, t).unwrap();
    assert!(!budget.withdraw(t + Duration::from_secs(3600)));
    assert!(TokenBudget::new(Duration::ZERO, 0, 0.5, t).is_err());
    for ratio in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(TokenBudget::new(Duration::from_secs(10), 0, ratio, t).is_err());
    }
}

#[test]
fn only_what_is_safe_is_sent_again() {
    let mut headers = HeaderMap::new();
    assert!(may_repeat(&Method::GET, &headers, true));
    assert!(may_repeat(&Method::POST, &headers, false));
    assert!(!may_repeat(&Method::POST, &headers, true));
    headers.insert("idempotency-key", HeaderValue::from_static("1"));
    assert!(may_repeat(&Method::POST, &headers, true));
}

#[test]
fn under_total_failure_the_budget_bounds_the_retries() {
    let t = Instant::now();
    let mut budget = TokenBudget::new(Duration::from_secs(10), 0, 0.2, t).unwrap();
    let mut retries = 0;
    for call in 0..1000 {
        let now = t + ms(call * 5);
        budget.deposit(now);
        retries += u32::from(budget.withdraw(now));
    }
    assert_eq!(retries, 200);
}

#[test]
fn a_deposit_pays_for_ten_slots_and_no_longer() {
    let t = Instant::now();
    for (after, paid) in [(0, true), (999, true), (1000, false), (5000, false)] {
        let mut budget = TokenBudget::new(ms(1000), 0, 1.0, t).unwrap();
        budget.deposit(t);
        assert_eq!(budget.withdraw(t + ms(after)), paid, "{after} ms");
    }
}

#[test]
fn a_budget_counts_only_what_lives() {
    let budget = ConcurrencyBudget::default();
    let mut retries: Vec<_> = (0..3).map(|_| budget.retry().unwrap()).collect();
    assert!(budget.retry().is_none());
    retries.pop();
    assert!(budget.retry().is_some());
}
