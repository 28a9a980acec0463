//! The edge cases by their numbers.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Found, Key, Kit, Plan, Rules, asked, get, said};

const FRESH: &str = "cache-control: max-age=100";

/// GW-31.
#[test]
fn a_key_tells_scheme_host_and_target_apart() {
    let key = Key::new("http", "A:80", "/x", Some("q"));
    assert_eq!(key, Key::new("HTTP", "a", "/x", Some("q")));
    for other in [
        Key::new("https", "a", "/x", Some("q")),
        Key::new("http", "b", "/x", Some("q")),
        Key::new("http", "a:8080", "/x", Some("q")),
        Key::new("http", "a", "/y", Some("q")),
        Key::new("http", "a", "/x", None),
    ] {
        assert_ne!(key, other);
    }
}

/// GW-31.
#[tokio::test(start_paused = true)]
async fn one_hosts_answer_is_not_anothers() {
    let kit = Kit::new();
    kit.ask(&get("host: a"), |_| said(200, FRESH, "first"))
        .await;
    let (found, _, body, _) = kit
        .ask(&get("host: b"), |_| said(200, FRESH, "second"))
        .await;
    assert_eq!((found, &body[..]), (Found::Miss, &b"second"[..]));
}

/// GW-32.
#[tokio::test(start_paused = true)]
async fn a_cookie_is_stored_only_where_the_route_allows_it() {
    let cookie = "cache-control: max-age=100\nset-cookie: a=b";
    for (allow, expected) in [(false, Found::Miss), (true, Found::Hit)] {
        let kit = Kit::with(Rules {
            allow_set_cookie: allow,
            ..Rules::default()
        });
        kit.ask(&get(""), |_| said(200, cookie, "")).await;
        assert_eq!(kit.ask(&get(""), |_| said(200, "", "")).await.0, expected);
    }
}

/// GW-33.
#[tokio::test(start_paused = true)]
async fn a_crowd_that_finds_it_expired_asks_once() {
    let kit = std::sync::Arc::new(Kit::new());
    kit.ask(&get(""), |_| said(200, "cache-control: max-age=1", "old"))
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let fetched = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    for _ in 0..100 {
        let (kit, fetched) = (kit.clone(), fetched.clone());
        crowd.spawn(async move {
            let head = get("");
            match kit.plan(&head).await {
                Plan::Fetch(fill) => {
                    fetched.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let filled = fill.finish(said(200, FRESH, "new"));
                    crate::http::collect(filled.response.into_body(), 10, None)
                        .await
                        .unwrap();
                }
                Plan::Answer(_, found) => assert_eq!(found, Found::Shared),
                _ => panic!("neither fetched nor shared"),
            }
        });
    }
    while let Some(one) = crowd.join_next().await {
        one.unwrap();
    }
    assert_eq!(fetched.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(kit.cache.counts().of(Found::Shared), 99);
}

/// GW-34.
#[tokio::test(start_paused = true)]
async fn a_negative_answer_is_kept_for_a_time_of_its_own() {
    let kit = Kit::with(Rules {
        negative_ttl: Duration::from_secs(2),
        jitter: 0.0,
        ..Rules::default()
    });
    kit.ask(&get(""), |_| said(404, FRESH, "")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(kit.ask(&get(""), |_| panic!("asked")).await.0, Found::Hit);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        kit.ask(&get(""), |_| said(200, FRESH, "")).await.0,
        Found::Miss
    );
}

/// GW-35.
#[tokio::test(start_paused = true)]
async fn nothing_stale_is_served_past_must_revalidate_whatever_the_route_says() {
    let kit = Kit::with(Rules {
        stale_if_error: Some(Duration::from_secs(1000)),
        jitter: 0.0,
        ..Rules::default()
    });
    let strict = "cache-control: max-age=1, must-revalidate, stale-while-revalidate=100";
    kit.ask(&get(""), |_| said(200, strict, "old")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (found, status, body, _) = kit.ask(&get(""), |_| said(504, "", "no")).await;
    assert_eq!((found, status, &body[..]), (Found::Miss, 504, &b"no"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_purge_counts_also_for_what_is_being_fetched() {
    let kit = Kit::new();
    let head = get("");
    let Plan::Fetch(fill) = kit.plan(&head).await else {
        panic!("nothing is stored");
    };
    assert!(!kit.cache.purge(&super::key(&head)));
    let filled = fill.finish(said(200, FRESH, "old"));
    crate::http::collect(filled.response.into_body(), 10, None)
        .await
        .unwrap();
    assert_eq!(
        kit.ask(&head, |_| said(200, FRESH, "new")).await.0,
        Found::Miss
    );
    assert_eq!(kit.cache.purge_under(&Key::new("http", "a", "/", None)), 1);
    assert_eq!(kit.cache.stored().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn the_store_stays_within_its_bounds_and_keeps_what_is_used() {
    let kit = Kit::new();
    for number in 0..150 {
        let head = asked("GET", &format!("/{number}"), "");
        kit.ask(&head, |_| said(200, FRESH, "body")).await;
        kit.ask(&asked("GET", "/0", ""), |_| panic!("evicted what is used"))
            .await;
    }
    assert_eq!(kit.cache.stored().entries, 100);
    let large: &'static str = Box::leak("x".repeat(300_000).into_boxed_str());
    for number in 0..5 {
        let head = asked("GET", &format!("/large/{number}"), "");
        kit.ask(&head, |_| said(200, FRESH, large)).await;
        assert!(kit.cache.stored().bytes <= 1 << 20);
    }
}
