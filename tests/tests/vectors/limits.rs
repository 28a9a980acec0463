//! The generic cell rate algorithm against the figures of the governor library.

use std::time::Duration;

use tokio::time::Instant;
use windtunnel_models::limit::{Limiter, Quota, Refused};

use crate::row::Vector;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test]
async fn v28a_a_burst_of_two_then_two_a_second() {
    let v = Vector::new("V-28a", "governor, 2 per second");
    let limiter = Limiter::new(&Quota::per_second(2)).unwrap();
    let began = Instant::now();
    let wait = Refused::NotYet {
        retry_after: ms(498),
    };
    for (at, expected) in [
        (0, Ok(())),
        (1, Ok(())),
        (2, Err(wait)),
        (1002, Ok(())),
        (1003, Ok(())),
        (1004, Err(wait)),
    ] {
        let got = limiter.check_at(1, began + ms(at));
        v.exact(&format!("at {at} ms"), expected, got);
    }
}

#[tokio::test]
async fn v28b_idle_time_never_buys_more_than_the_burst() {
    let v = Vector::new("V-28b", "governor, 5 per second, 2 s idle");
    for n in 6..=15 {
        let limiter = Limiter::new(&Quota::per_second(5)).unwrap();
        let first = Instant::now();
        limiter.check_at(1, first).unwrap();
        let now = first + ms(2000);
        let insufficient = Err(Refused::InsufficientCapacity { burst: 5 });
        let at_once = limiter.check_at(n, now);
        v.exact(&format!("{n} at once"), insufficient, at_once);
        let passed = (0..n).filter(|_| limiter.check_at(1, now).is_ok()).count();
        v.exact(&format!("{n} one by one"), 5, passed);
    }
}
