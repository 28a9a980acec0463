//! What repetition promises.

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
    assert_eq!(course.next(now, Some(ms(499)), &mut rng), Ok(ms(499)));
}

#[test]
fn a_servers_wish_is_respected_and_clamped() {
    let policy = Policy::default();
    let mut headers = HeaderMap::new();
    for (text, wish) in [
        ("7", Some(7)),
        ("-7", None),
        ("soon", None),
        ("99999999999999999999999", Some(u64::MAX)),
    ] {
        headers.insert("retry-after", HeaderValue::from_static(text));
        assert_eq!(retry_after(&headers), wish.map(Duration::from_secs));
    }
    let huge = policy
        .course(None)
        .next(Instant::now(), retry_after(&headers), &mut rng());
    assert_eq!(huge, Ok(Duration::from_secs(300)));
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
fn a_budget_counts_only_what_lives() {
    let budget = ConcurrencyBudget::default();
    let mut retries: Vec<_> = (0..3).map(|_| budget.retry().unwrap()).collect();
    assert!(budget.retry().is_none());
    retries.pop();
    assert!(budget.retry().is_some());
}
