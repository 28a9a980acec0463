//! Single flight, with the leader or a waiter dropped at each of its awaits.

use std::time::Duration;

use futures_util::poll;
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::{Found, Kit, Plan, get, key, said};
use crate::http::collect;

const FRESH: &str = "cache-control: max-age=100";

/// Where a leader stops.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    BeforeTheHead,
    BeforeTheBody,
    BrokenBody,
    Error,
    Never,
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_anywhere_hands_over_to_one_who_waits() {
    for stop in [
        Stop::BeforeTheHead,
        Stop::BeforeTheBody,
        Stop::BrokenBody,
        Stop::Error,
        Stop::Never,
    ] {
        for dropped in 0..3 {
            let kit = Kit::new();
            let head = get("");
            let Plan::Fetch(fill) = kit.plan(&head).await else {
                panic!("nothing is stored");
            };
            let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(kit.plan(&head))).collect();
            for one in &mut waiting {
                assert!(poll!(one).is_pending());
            }
            // A waiter that goes takes nothing along.
            drop(waiting.remove(dropped));
            match stop {
                Stop::BeforeTheHead => drop(fill),
                Stop::BeforeTheBody => drop(fill.finish(said(200, FRESH, "body"))),
                Stop::BrokenBody => {
                    let short = said(200, "cache-control: max-age=100\ncontent-length: 9", "body");
                    let body = fill.finish(short).response.into_body();
                    body.collect().await.unwrap();
                }
                Stop::Error => drop(fill.finish(said(503, "", ""))),
                Stop::Never => {
                    let body = fill.finish(said(200, FRESH, "body")).response.into_body();
                    collect(body, 10, None).await.unwrap();
                }
            }
            let first = waiting.remove(0).await;
            if stop == Stop::Never {
                assert!(matches!(first, Plan::Answer(_, Found::Shared)));
                continue;
            }
            let Plan::Fetch(fill) = first else {
                panic!("{stop:?}: nobody took over");
            };
            let mut last = waiting.remove(0);
            assert!(poll!(&mut last).is_pending(), "{stop:?}: two fetch");
            let body = fill.finish(said(200, FRESH, "body")).response.into_body();
            collect(body, 10, None).await.unwrap();
            assert!(
                matches!(last.await, Plan::Answer(_, Found::Shared)),
                "{stop:?}"
            );
            assert_eq!(kit.cache.shared.with(|inner| inner.flights.len()), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_shared_is_fetched_by_all_at_once() {
    let kit = Kit::new();
    let head = get("");
    let Plan::Fetch(fill) = kit.plan(&head).await else {
        panic!("nothing is stored");
    };
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(kit.plan(&head))).collect();
    for one in &mut waiting {
        assert!(poll!(one).is_pending());
    }
    // The head says it; nobody waits for the body.
    let filled = fill.finish(said(200, "cache-control: private", "mine"));
    let mut fetching = Vec::new();
    for one in waiting {
        let Plan::Fetch(fill) = one.await else {
            panic!("shared what is private");
        };
        fetching.push(fill);
    }
    // Nor does the next one, while they fetch.
    assert!(matches!(kit.plan(&head).await, Plan::Fetch(_)));
    drop(filled);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_waits_no_longer_than_its_own_deadline() {
    let kit = Kit::new();
    let head = get("");
    let Plan::Fetch(_fill) = kit.plan(&head).await else {
        panic!("nothing is stored");
    };
    let start = Instant::now();
    let until = start + Duration::from_millis(30);
    let plan = kit.cache.begin(&head, &key(&head), &kit.rules, until).await;
    assert!(matches!(plan, Plan::Late));
    assert_eq!(start.elapsed(), Duration::from_millis(30));
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_served_at_once_and_refreshed_by_one() {
    let kit = Kit::new();
    let swr = "cache-control: max-age=1, stale-while-revalidate=100";
    kit.ask(&get(""), |_| said(200, swr, "old")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let Plan::Refresh(_, fill) = kit.plan(&get("")).await else {
        panic!("nobody refreshes");
    };
    for _ in 0..5 {
        assert!(matches!(
            kit.plan(&get("")).await,
            Plan::Answer(_, Found::Stale)
        ));
    }
    let body = fill.finish(said(200, FRESH, "new")).response.into_body();
    collect(body, 10, None).await.unwrap();
    let (found, _, body, _) = kit.ask(&get(""), |_| panic!("asked")).await;
    assert_eq!((found, &body[..]), (Found::Hit, &b"new"[..]));
}
