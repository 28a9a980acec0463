//! The cache of values.

use std::time::Duration;

use futures_util::poll;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use tokio::time::{Instant, sleep};

use super::super::{LoadError, Loading, LoadingPolicy};

type Answer = Result<(Option<u32>, u64), &'static str>;

fn cache() -> Loading<u32, u32> {
    let policy = LoadingPolicy {
        ttl: Duration::from_secs(10),
        negative_ttl: Duration::from_secs(2),
        jitter: Duration::ZERO,
        stale_on_error: Duration::from_secs(5),
        entries: 3,
    };
    Loading::new(policy, ChaCha8Rng::seed_from_u64(1))
}

async fn get(
    cache: &Loading<u32, u32>,
    key: u32,
    answer: Answer,
) -> Result<(Option<u32>, bool), LoadError<&'static str>> {
    let until = Instant::now() + Duration::from_secs(1);
    let loaded = cache.get(&key, until, || async { answer }).await?;
    Ok((loaded.value, loaded.degraded))
}

#[tokio::test(start_paused = true)]
async fn values_and_their_absence_have_times_of_their_own() {
    let cache = cache();
    get(&cache, 1, Ok((Some(7), 1))).await.unwrap();
    get(&cache, 2, Ok((None, 1))).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(get(&cache, 1, Err("asked")).await, Ok((Some(7), false)));
    assert_eq!(get(&cache, 2, Ok((Some(8), 2))).await, Ok((Some(8), false)));
    sleep(Duration::from_secs(8)).await;
    assert_eq!(get(&cache, 1, Ok((Some(9), 2))).await, Ok((Some(9), false)));
}

#[tokio::test(start_paused = true)]
async fn an_old_value_stands_in_for_an_error_for_a_bounded_time() {
    let cache = cache();
    get(&cache, 1, Ok((Some(7), 1))).await.unwrap();
    sleep(Duration::from_secs(15)).await;
    assert_eq!(get(&cache, 1, Err("down")).await, Ok((Some(7), true)));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(
        get(&cache, 1, Err("down")).await,
        Err(LoadError::Failed("down"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_a_change_is_not_kept() {
    let cache = cache();
    get(&cache, 1, Ok((Some(7), 3))).await.unwrap();
    cache.invalidate(&1, 3);
    assert_eq!(get(&cache, 1, Err("late news")).await, Ok((Some(7), false)));
    cache.invalidate(&1, 5);
    assert_eq!(get(&cache, 1, Ok((Some(7), 4))).await, Ok((Some(7), false)));
    assert_eq!(get(&cache, 1, Ok((Some(8), 5))).await, Ok((Some(8), false)));
    assert_eq!(get(&cache, 1, Err("asked")).await, Ok((Some(8), false)));
}

#[tokio::test(start_paused = true)]
async fn one_loads_and_its_successor_takes_over() {
    let cache = cache();
    let until = Instant::now() + Duration::from_secs(1);
    let never = || std::future::pending::<Answer>();
    let mut leader = Box::pin(cache.get(&1, until, never));
    assert!(poll!(&mut leader).is_pending());
    let mut second = Box::pin(get(&cache, 1, Ok((Some(7), 1))));
    let mut third = Box::pin(get(&cache, 1, Err("asked")));
    assert!(poll!(&mut second).is_pending());
    assert!(poll!(&mut third).is_pending());
    drop(leader);
    assert_eq!(second.await, Ok((Some(7), false)));
    assert_eq!(third.await, Ok((Some(7), false)));
}

#[tokio::test(start_paused = true)]
async fn it_holds_no_more_keys_than_it_may() {
    let cache = cache();
    for key in 0..10 {
        get(&cache, key, Ok((Some(key), 1))).await.unwrap();
    }
    assert_eq!(cache.len(), 3);
    assert_eq!(get(&cache, 9, Err("asked")).await, Ok((Some(9), false)));
}
