//! The laws of limits against published figures: governor, nginx, and the arithmetic of windows.

use std::time::Duration;

use tokio::time::Instant;
use windtunnel_models::limit::{
    FixedWindow, Gcra, Law, Leaky, Limiter, Quota, Refused, SlidingWindow,
};

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

/// Asks for one cell at `millis`, and spends it if that is admitted.
fn ask<L: Law>(law: &L, state: &mut Option<L::State>, millis: u64) -> Result<(), Refused> {
    let after = law.check(state.as_ref(), millis * 1_000_000, 1)?;
    *state = Some(after);
    Ok(())
}

#[test]
fn v29_a_leaky_bucket_lets_a_batch_of_its_burst_and_one_more_through() {
    let v = Vector::new("V-29", "nginx, 10 r/s, burst=5 nodelay");
    let law = Leaky::per_second(10, 5).unwrap();
    let mut level = None;
    let early = |wait| {
        let retry_after = ms(wait);
        Err(Refused::NotYet { retry_after })
    };
    for n in 1..=6 {
        let got = ask(&law, &mut level, 0);
        v.exact(&format!("number {n} of a batch"), Ok(()), got);
    }
    let seventh = ask(&law, &mut level, 0);
    v.exact("number 7 of the batch", early(100), seventh);
    for n in 1..=5 {
        let at = 100 * n;
        for (at, expected) in [(at - 1, early(1)), (at, Ok(())), (at, early(100))] {
            let got = ask(&law, &mut level, at);
            v.exact(&format!("at {at} ms"), expected, got);
        }
    }

    let v = Vector::new("V-29", "nginx, 10 r/s, burst=5, without nodelay");
    let mut level = None;
    for n in 0..6 {
        let after = law.check(level.as_ref(), 0, 1).unwrap();
        v.exact(
            &format!("wait of number {}", n + 1),
            ms(100 * n),
            law.delay(&after),
        );
        level = Some(after);
    }
}

#[test]
fn v30_the_estimate_of_a_sliding_window() {
    let v = Vector::new("V-30", "5 events in second 0, 4 in second 1");
    let law = SlidingWindow::new(100, Duration::from_secs(1)).unwrap();
    let nanos = |millis: u64| millis * 1_000_000;
    let at = [0, 200, 400, 600, 999, 1000, 1200, 1400, 1600];
    let events = at.into_iter().try_fold(None, |slide, at| {
        law.check(slide.as_ref(), nanos(at), 1).map(Some)
    });
    let slide = events.unwrap().unwrap();
    for (millis, expected) in [
        (1750, 5.25),
        (2000, 4.0),
        (2500, 2.0),
        (3000, 0.0),
        (3001, 0.0),
        (60_000, 0.0),
    ] {
        let got = law.estimate(&slide, nanos(millis));
        v.exact(&format!("at {millis} ms"), expected, got);
    }
    let almost = law.estimate(&slide, nanos(3000) - 1);
    v.exact("not 0 a nanosecond before 3 s", true, almost > 0.0);
}

/// How many of 200 calls right before the end of a second and 200 right after it pass.
fn around_an_edge<L: Law>(law: &L) -> usize {
    let mut state = None;
    let calls = [999, 1001].into_iter().flat_map(|at| [at; 200]);
    calls.filter(|at| ask(law, &mut state, *at).is_ok()).count()
}

#[test]
fn v31_a_fixed_window_lets_twice_its_limit_through_around_an_edge() {
    let v = Vector::new("V-31", "100 per second, 1 ms before and after an edge");
    let second = Duration::from_secs(1);
    let fixed = FixedWindow::new(100, second).unwrap();
    v.exact("fixed window, in 2 ms", 200, around_an_edge(&fixed));
    let sliding = SlidingWindow::new(100, second).unwrap();
    v.exact("sliding window", 100, around_an_edge(&sliding));
    let gcra = Gcra::new(&Quota::per_second(100)).unwrap();
    v.exact("cell rate algorithm", 100, around_an_edge(&gcra));
}
