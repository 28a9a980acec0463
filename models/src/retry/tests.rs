//! What repetition promises.

use std::collections::BTreeSet;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::Instant;

use super::*;
use crate::timeout::{InvalidLimits, Limits};

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
fn a_push_back_has_the_last_word_and_nonsense_in_it_means_not_again() {
    let said = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("60"));
        for value in values {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append("grpc-retry-pushback-ms", value);
        }
        wish(&headers)
    };
    assert_eq!(said(&[]), Wish::After(ms(60_000)));
    assert_eq!(said(&["0"]), Wish::After(ms(0)));
    assert_eq!(said(&["1500"]), Wish::After(ms(1500)));
    for nonsense in ["-1", "", "soon", "1.5", "+1"] {
        assert_eq!(said(&[nonsense]), Wish::Never, "{nonsense}");
    }
    assert_eq!(said(&["1", "1"]), Wish::Never);
}

#[test]
fn the_end_of_a_rate_limits_window_is_read_in_seconds_and_as_a_unix_time() {
    let mut headers = HeaderMap::new();
    headers.insert("x-ratelimit-reset", HeaderValue::from_static("784111837"));
    assert_eq!(
        rate_limit_reset(&headers),
        Some(Duration::from_secs(784_111_837))
    );
    headers.insert("x-ratelimit-reset", HeaderValue::from_static("1709251260"));
    assert_eq!(
        rate_limit_reset(&headers),
        None,
        "nobody knows what time it is there"
    );
    let sent = HeaderValue::from_static("Thu, 29 Feb 2024 23:59:59 GMT");
    headers.insert("date", sent);
    assert_eq!(rate_limit_reset(&headers), Some(Duration::from_secs(61)));
    headers.insert("ratelimit-reset", HeaderValue::from_static("-5"));
    assert_eq!(rate_limit_reset(&headers), None);
    headers.insert("ratelimit-reset", HeaderValue::from_static("7"));
    headers.insert("retry-after", HeaderValue::from_static("5"));
    assert_eq!(wish(&headers), Wish::After(Duration::from_secs(7)));
}

#[test]
fn each_peer_keeps_a_wish_by_its_own_law() {
    let (second, asked) = (ms(1000), |n: u64| ms(n * 1000));
    let pause = |rule: ServerDelay, asked, seed| {
        rule.pause(asked, second, &mut ChaCha8Rng::seed_from_u64(seed))
    };
    let spread = ServerDelay::Spread { max: asked(300) };
    let pauses: BTreeSet<_> = (0..500)
        .map(|seed| pause(spread, asked(300), seed))
        .collect();
    assert!(*pauses.first().unwrap() >= asked(300) && *pauses.first().unwrap() < asked(302));
    assert!(*pauses.last().unwrap() <= asked(450) && *pauses.last().unwrap() > asked(448));
    let above = asked(300) + Duration::from_nanos(1);
    assert_eq!(pause(spread, above, 0), second, "discarded");

    let clamped = ServerDelay::Clamped { over: asked(5) };
    for (said, kept) in [(0, 1000), (1500, 1500), (6000, 6000), (10_000, 6000)] {
        assert_eq!(pause(clamped, ms(said), 0), ms(kept));
    }
    assert_eq!(pause(clamped, Duration::MAX, 0), ms(6000));
    let instead = ServerDelay::Instead { max: asked(300) };
    assert_eq!(pause(instead, ms(7), 0), ms(7));
    assert_eq!(pause(instead, Duration::MAX, 0), asked(300));
}

#[test]
fn a_push_back_begins_the_pauses_anew_and_a_negative_one_ends_the_course() {
    let policy = presets::grpc().policy;
    let (now, mut rng) = (Instant::now(), rng());
    let mut course = policy.course(None);
    let after = |wish| Reason {
        wish,
        ..Reason::default()
    };
    course.after(after(Wish::None), now, &mut rng).unwrap();
    let pushed = course.after(after(Wish::After(ms(5))), now, &mut rng);
    assert_eq!(pushed, Ok(ms(5)));
    let first_again = course.after(after(Wish::None), now, &mut rng).unwrap();
    assert!(first_again <= ms(120), "{first_again:?}");
    let mut course = policy.course(None);
    let never = course.after(after(Wish::Never), now, &mut rng);
    assert_eq!(never, Err(GiveUp::Unwanted));
    assert_eq!(course.attempts(), 1);
}

#[test]
fn limits_that_leave_no_time_for_another_attempt_are_refused() {
    let with = |attempts, total, per_try| Policy {
        attempts,
        limits: Limits {
            total: Some(ms(total)),
            per_try: Some(ms(per_try)),
        },
        ..Policy::default()
    };
    let contradictory = Err(InvalidPolicy::Limits(InvalidLimits::NoTimeForAnother));
    assert_eq!(with(3, 1000, 1000).validate(), contradictory);
    assert_eq!(with(3, 1000, 1001).validate(), contradictory);
    assert_eq!(with(3, 1000, 999).validate(), Ok(()));
    assert_eq!(with(1, 1000, 1000).validate(), Ok(()));
    assert!(with(3, 0, 1).validate().is_err());
    assert!(with(3, 1, 0).validate().is_err());
}

#[test]
fn all_presets_can_be_meant() {
    let presets = [
        presets::aws_sdk_v2_0(),
        presets::aws_sdk_v2_1(),
        presets::envoy(),
        presets::grpc(),
        presets::finagle(Instant::now()),
        presets::polly(),
        presets::istio(),
        presets::temporal(),
    ];
    for preset in presets {
        assert_eq!(preset.policy.validate(), Ok(()), "{preset:?}");
        let _call = preset.budget.call(Instant::now());
        assert!(
            preset
                .budget
                .retry(Kind::Transient, Instant::now())
                .is_some()
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
fn a_token_budget_that_cannot_be_meant_is_refused() {
    let t = Instant::now();
    assert!(TokenBudget::new(Duration::ZERO, 0, 0.5, t).is_err());
    for ratio in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(TokenBudget::new(Duration::from_secs(10), 0, ratio, t).is_err());
    }
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
