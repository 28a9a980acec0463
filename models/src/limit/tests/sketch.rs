//! A sketch forgets who is who, and never grants more for it.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::*;

fn sketch(limit: u32) -> SketchLimiter {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    SketchLimiter::new(limit, Duration::from_secs(1), &mut rng).unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_key_alone_gets_exactly_its_limit() {
    let (limiter, now) = (sketch(10), Instant::now());
    let passed = (0..30).filter(|_| limiter.check_at("a", 1, now).is_ok());
    assert_eq!(passed.count(), 10);
    let refused = limiter.check_at("a", 1, now).unwrap_err();
    let then = now + refused.retry_after().unwrap();
    let before = then - Duration::from_nanos(1);
    assert!(limiter.check_at("a", 1, before).is_err());
    assert!(limiter.check_at("a", 1, then).is_ok());
    let never = Err(Refused::InsufficientCapacity { burst: 10 });
    assert_eq!(limiter.check_at("a", 11, now + ms(60_000)), never);
}

#[tokio::test(start_paused = true)]
async fn no_key_gets_more_than_its_limit_and_few_get_less() {
    let (limiter, now) = (sketch(20), Instant::now());
    let mut short = 0;
    for key in 0..1000_u32 {
        let passed = (0..3).filter(|_| limiter.check_at(&key, 1, now).is_ok());
        short += usize::from(passed.count() < 3);
    }
    // 3000 cells: e·N ÷ 1024 is 8, so 17 leaves room for all but e⁻⁴ of the keys.
    assert!(short <= 18, "{short}");
    for key in 0..1000_u32 {
        let more = (0..30).filter(|_| limiter.check_at(&key, 1, now).is_ok());
        assert!(more.count() <= 17, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_counted_against_others() {
    let (limiter, now) = (sketch(5), Instant::now());
    for _ in 0..100_000 {
        let _ = limiter.check_at("greedy", 1, now);
    }
    let others = (0..200_u32).filter(|key| limiter.check_at(key, 1, now).is_ok());
    assert_eq!(others.count(), 200);
    assert_eq!(limiter.counts().admitted, 205);
    assert_eq!(limiter.standing_at("greedy", now).remaining, 0);
}
