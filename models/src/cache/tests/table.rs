//! The cases of the RFCs one by one, and what takes more than a line.

use std::time::Duration;

use super::cases::CASES;
use super::{Found, Kit, asked, get, said};
use Found::{Bypass, Degraded, Hit, Miss, Revalidated};

const LATER: &str = "Sun, 06 Nov 1994 08:50:37 GMT";

#[tokio::test(start_paused = true)]
async fn each_case_of_the_rfc_is_answered_as_it_says() {
    assert!(CASES.len() >= 60);
    for case in CASES {
        let (first, status, answer, seconds, second, expected) = *case;
        let kit = Kit::new();
        let found = kit
            .ask(&get(first), |_| said(status, answer, "first"))
            .await;
        assert_eq!(found.1, status, "{case:?}");
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let second = get(second);
        let found = kit.ask(&second, |headers| {
            let conditional =
                headers.contains_key("if-none-match") || headers.contains_key("if-modified-since");
            said(if conditional { 304 } else { 200 }, "", "second")
        });
        let (found, ..) = found.await;
        assert_eq!(found, expected, "{case:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_is_covered_by_what_is_stored_only_as_long_as_that_is_allowed() {
    let cases = [
        ("max-age=10, stale-if-error=5", 15, 503, Degraded),
        ("max-age=10, stale-if-error=5", 16, 503, Miss),
        ("max-age=10, stale-if-error=5", 15, 404, Miss),
        (
            "max-age=10, stale-if-error=5, must-revalidate",
            11,
            503,
            Miss,
        ),
        ("max-age=10", 11, 503, Miss),
    ];
    for (control, seconds, status, expected) in cases {
        let kit = Kit::new();
        let answer = format!("cache-control: {control}");
        kit.ask(&get(""), |_| said(200, &answer, "first")).await;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let (found, _, body, head) = kit.ask(&get(""), |_| said(status, "", "error")).await;
        assert_eq!(found, expected, "{control} {seconds}");
        assert_eq!(body == "first", expected == Degraded, "{control} {seconds}");
        if expected == Degraded {
            assert_eq!(head["cache-status"], "test; hit; detail=degraded");
            assert_eq!(kit.cache.counts().of(Degraded), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ranges_heads_and_conditions_are_answered_from_the_whole() {
    let kit = Kit::new();
    let answer =
        "cache-control: max-age=10\netag: \"a\"\nlast-modified: Sun, 06 Nov 1994 08:47:57 GMT";
    kit.ask(&get(""), |_| said(200, answer, "0123456789")).await;
    let cases = [
        ("range: bytes=0-3", 206, "0123"),
        ("range: bytes=7-", 206, "789"),
        ("range: bytes=-2", 206, "89"),
        ("range: bytes=8-100", 206, "89"),
        ("range: bytes=10-", 416, ""),
        ("range: bytes=-0", 416, ""),
        ("range: bytes=3-2", 200, "0123456789"),
        ("range: lines=1-2", 200, "0123456789"),
        ("range: bytes=0-3\nif-range: \"b\"", 200, "0123456789"),
        ("range: bytes=0-3\nif-range: \"a\"", 206, "0123"),
        ("if-none-match: \"a\"", 304, ""),
        ("if-none-match: W/\"a\"", 304, ""),
        ("if-none-match: \"b\", \"a\"", 304, ""),
        ("if-none-match: *", 304, ""),
        ("if-none-match: \"b\"", 200, "0123456789"),
        ("if-modified-since: Sun, 06 Nov 1994 08:47:57 GMT", 304, ""),
        (
            "if-modified-since: Sun, 06 Nov 1994 08:47:56 GMT",
            200,
            "0123456789",
        ),
    ];
    for (request, status, body) in cases {
        let got = kit.ask(&get(request), |_| panic!("{request}")).await;
        assert_eq!(
            (got.0, got.1, &got.2[..]),
            (Hit, status, body.as_bytes()),
            "{request}"
        );
    }
    let head = kit.ask(&asked("HEAD", "/x", ""), |_| panic!("asked")).await;
    assert_eq!((head.1, &head.2[..]), (200, &b""[..]));
    assert_eq!(head.3["content-length"], "10");
}

#[tokio::test(start_paused = true)]
async fn a_304_renews_the_head_and_keeps_the_body() {
    let kit = Kit::new();
    let old = "cache-control: max-age=10\netag: \"a\"\nx: old\nage: 3";
    kit.ask(&get(""), |_| said(200, old, "body")).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let new = format!("cache-control: max-age=20\nx: new\ncontent-length: 0\nexpires: {LATER}");
    let (found, _, body, head) = kit.ask(&get(""), |_| said(304, &new, "")).await;
    assert_eq!((found, &body[..]), (Revalidated, &b"body"[..]));
    assert_eq!(head["x"], "new");
    tokio::time::sleep(Duration::from_secs(19)).await;
    let (found, _, body, head) = kit.ask(&get(""), |_| panic!("asked")).await;
    assert_eq!((found, &body[..]), (Hit, &b"body"[..]));
    assert_eq!(head["age"], "19");
    assert_eq!(head["content-length"], "4");
}

#[tokio::test(start_paused = true)]
async fn what_changes_a_thing_invalidates_it_and_its_neighbours_of_the_same_origin() {
    for (method, status, location, there) in [
        ("POST", 201, "/x", Miss),
        ("DELETE", 204, "/x", Miss),
        ("POST", 303, "http://a/x", Miss),
        ("POST", 201, "http://b/x", Hit),
        ("POST", 500, "/x", Hit),
        ("OPTIONS", 200, "/x", Hit),
    ] {
        let kit = Kit::new();
        kit.ask(&get(""), |_| {
            said(200, "cache-control: max-age=10", "first")
        })
        .await;
        let answer = format!("location: {location}");
        let (found, ..) = kit
            .ask(&asked(method, "/y", ""), |_| said(status, &answer, ""))
            .await;
        assert_eq!(found, Bypass);
        let (found, ..) = kit.ask(&get(""), |_| said(200, "", "second")).await;
        assert_eq!(found, there, "{method} {status} {location}");
    }
}
