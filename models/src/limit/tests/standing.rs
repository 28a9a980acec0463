//! Figures and header fields are right to the tick.

use http::HeaderMap;

use super::*;

fn seconds(headers: &HeaderMap, name: &str) -> Option<u64> {
    let value = headers.get(name)?;
    Some(value.to_str().unwrap().parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_as_the_fields_say_is_admitted_and_a_second_earlier_is_not() {
    let quota = Quota {
        period: Duration::from_secs(10),
        ..Quota::per_second(4)
    };
    for pause in [0, 1, 499, 500, 501, 2499, 2500] {
        let limiter = Limiter::new(&quota).unwrap();
        let t = Instant::now();
        assert_eq!(limiter.check_at(4, t), Ok(()));
        let now = t + ms(pause);
        if pause == 2500 {
            assert_eq!(limiter.check_at(1, now), Ok(()), "exactly one cell later");
        }
        let refused = limiter.check_at(1, now).unwrap_err();
        let mut headers = HeaderMap::new();
        let standing = limiter.standing_at(now);
        standing.write_refusal(&refused, &mut headers);
        assert_eq!(seconds(&headers, "ratelimit-limit"), Some(4));
        assert_eq!(seconds(&headers, "ratelimit-remaining"), Some(0));
        let wait = seconds(&headers, "retry-after").unwrap();
        assert_eq!(seconds(&headers, "ratelimit-reset"), Some(wait));
        let exact = refused.retry_after().unwrap();
        assert_eq!(exact, ms(2500 - pause % 2500));
        assert_eq!(wait, exact.as_millis().div_ceil(1000) as u64, "{pause}");
        let early = now + Duration::from_secs(wait - 1);
        assert!(limiter.check_at(1, early).is_err(), "{pause}");
        let then = now + Duration::from_secs(wait);
        assert_eq!(limiter.check_at(1, then), Ok(()), "{pause}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_admitted_call_is_told_what_is_left_and_when_all_is_back() {
    let limiter = Limiter::new(&Quota::per_second(4)).unwrap();
    let t = Instant::now();
    let mut headers = HeaderMap::new();
    headers.insert("ratelimit-limit", 99.into());
    for (left, reset) in [(3, 1), (2, 1), (1, 1), (0, 1)] {
        assert_eq!(limiter.check_at(1, t), Ok(()));
        limiter.standing_at(t).write(&mut headers);
        assert_eq!(seconds(&headers, "ratelimit-limit"), Some(4));
        assert_eq!(seconds(&headers, "ratelimit-remaining"), Some(left));
        assert_eq!(seconds(&headers, "ratelimit-reset"), Some(reset));
        assert_eq!(seconds(&headers, "retry-after"), None);
    }
    limiter.standing_at(t + ms(1000)).write(&mut headers);
    assert_eq!(seconds(&headers, "ratelimit-reset"), Some(0));
}

#[test]
fn who_cannot_be_helped_by_waiting_is_not_told_to_wait() {
    let standing = Standing {
        limit: 5,
        remaining: 5,
        reset: Duration::ZERO,
    };
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", 1.into());
    let never = Refused::InsufficientCapacity { burst: 5 };
    standing.write_refusal(&never, &mut headers);
    assert_eq!(seconds(&headers, "retry-after"), None);
    let at_once = Refused::NotYet {
        retry_after: Duration::ZERO,
    };
    standing.write_refusal(&at_once, &mut headers);
    assert_eq!(seconds(&headers, "retry-after"), Some(1));
}

#[test]
fn the_stricter_standing_leaves_fewer_cells_or_leaves_them_later() {
    let of = |remaining, reset| Standing {
        limit: 9,
        remaining,
        reset: ms(reset),
    };
    let cases = [
        (of(1, 5), of(2, 9), of(1, 5)),
        (of(2, 5), of(1, 1), of(1, 1)),
        (of(1, 5), of(1, 6), of(1, 6)),
        (of(1, 6), of(1, 5), of(1, 6)),
    ];
    for (a, b, expected) in cases {
        assert_eq!(a.stricter(b), expected);
    }
}
