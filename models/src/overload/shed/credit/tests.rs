//! What a pool of credits promises.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

const US: Duration = Duration::from_micros(1);

/// A pool of `credits` at most, that has grown to them, and the instant then.
fn grown(credits: u32) -> (Pool, Instant) {
    let policy = PoolPolicy {
        max_credits: credits,
        ..PoolPolicy::default()
    };
    let mut now = Instant::now();
    let mut pool = Pool::new(policy, now).unwrap();
    for _ in 0..credits {
        now += 10 * US;
        pool.observe(Duration::ZERO, now);
    }
    assert_eq!(pool.credits().0, credits);
    (pool, now)
}

#[test]
fn a_pool_grows_below_its_target_and_shrinks_with_the_delay_above() {
    let (mut pool, mut now) = grown(1000);
    let mut move_by = |delay: Duration| {
        now += 10 * US;
        pool.observe(delay, now);
        pool.credits().0
    };
    assert_eq!(move_by(80 * US), 1000, "at the target: nothing above");
    assert_eq!(move_by(160 * US), 980, "2 % for a whole target above");
    assert_eq!(move_by(80 * 101 * US), 490, "never more than a half");
    assert_eq!(move_by(79 * US), 491);
}

#[test]
fn a_pool_moves_once_per_round_trip() {
    let (mut pool, now) = grown(1000);
    pool.observe(160 * US, now + 9 * US);
    assert_eq!(pool.credits().0, 1000);
    pool.observe(160 * US, now + 10 * US);
    pool.observe(160 * US, now + 11 * US);
    assert_eq!(pool.credits().0, 980);
}

#[test]
fn no_more_credits_are_out_than_there_are_once_all_have_asked() {
    let (mut pool, mut now) = grown(100);
    let clients: Vec<_> = (0..20).map(|_| pool.join().unwrap().0).collect();
    for client in &clients {
        pool.answer(*client, 50);
    }
    assert!(pool.credits().1 <= 100);
    // Overloaded: the pool shrinks, and takes back one by one with the answers.
    for _ in 0..10 {
        now += 10 * US;
        pool.observe(80 * 30 * US, now);
    }
    for _ in 0..60 {
        for client in &clients {
            pool.answer(*client, 50);
        }
    }
    let (total, issued) = pool.credits();
    assert!(issued <= total, "{issued} of {total}");
}

#[test]
fn who_has_no_demand_gets_what_is_speculated_on_only() {
    let (mut pool, _) = grown(100);
    let client = pool.join().unwrap().0;
    assert_eq!(pool.answer(client, 1000), 100);
    assert_eq!(pool.answer(client, 0), 1, "the spare one");
}

#[test]
fn a_client_without_credits_is_fed_when_one_is_free_and_those_of_a_client_that_left_are_free() {
    let (mut pool, _) = grown(1);
    let (rich, credits) = pool.join().unwrap();
    assert_eq!(credits, 1);
    let (poor, credits) = pool.join().unwrap();
    assert_eq!(credits, 0);
    assert_eq!(pool.answer(poor, 5), 0);
    assert_eq!(pool.answer(poor, 5), 0, "asking again is asking once");
    assert_eq!(pool.feed(), None);
    pool.leave(rich);
    assert_eq!(pool.feed(), Some((poor, 1)));
    assert_eq!(pool.feed(), None);
    assert_eq!(pool.answer(rich, 5), 0, "it has left");
}

#[test]
fn a_wallet_never_has_more_under_way_than_credits() {
    let mut wallet = Wallet::new(1);
    assert!(wallet.spend());
    assert!(!wallet.spend());
    wallet.grant(3);
    assert!(wallet.spend() && wallet.spend() && !wallet.spend());
    wallet.grant(1);
    wallet.end();
    wallet.end();
    assert!(!wallet.spend(), "what was taken back is not spent");
    wallet.end();
    assert!(wallet.spend());
}
