//! Cases of RFC 9111 and RFC 5861, one a line: what was stored, how long ago, and how the next is answered.

use std::time::Duration;

use super::{Found, Kit, asked, get, said};
use Found::{Bypass, Degraded, Hit, Miss, Refused, Revalidated, Stale};

const LATER: &str = "Sun, 06 Nov 1994 08:50:37 GMT";

type Case = (&'static str, u16, &'static str, u64, &'static str, Found);

/// First request's fields, status and fields of its answer, seconds, second request's fields, found. The
/// origin says 304 to whoever asks under a condition.
const CASES: &[Case] = &[
    ("", 200, "cache-control: max-age=10", 9, "", Hit),
    ("", 200, "cache-control: max-age=10", 10, "", Miss),
    ("", 200, "cache-control: MAX-AGE=10", 9, "", Hit),
    ("", 200, "cache-control: max-age=\"10\"", 9, "", Hit),
    ("", 200, "cache-control: max-age=10, max-age=5", 6, "", Miss),
    ("", 200, "cache-control: max-age=x", 0, "", Miss),
    ("", 200, "cache-control: max-age=-1", 0, "", Miss),
    ("", 200, "cache-control: max-age=1.5", 0, "", Miss),
    (
        "",
        200,
        "cache-control: max-age=99999999999999999999",
        1000,
        "",
        Hit,
    ),
    ("", 200, "cache-control: max-age=0", 0, "", Miss),
    ("", 200, "cache-control: s-maxage=10, max-age=1", 5, "", Hit),
    (
        "",
        200,
        "cache-control: s-maxage=1, max-age=10",
        5,
        "",
        Miss,
    ),
    ("", 200, "cache-control: max-age=10\nexpires: 0", 5, "", Hit),
    (
        "",
        200,
        "expires: Sun, 06 Nov 1994 08:50:37 GMT",
        59,
        "",
        Hit,
    ),
    (
        "",
        200,
        "expires: Sun, 06 Nov 1994 08:50:37 GMT",
        60,
        "",
        Miss,
    ),
    (
        "",
        200,
        "expires: Sunday, 06-Nov-94 08:50:37 GMT",
        59,
        "",
        Hit,
    ),
    ("", 200, "expires: Sun Nov  6 08:50:37 1994", 59, "", Hit),
    ("", 200, "expires: 0", 0, "", Miss),
    ("", 200, "expires: -1", 0, "", Miss),
    (
        "",
        200,
        "expires: Sun, 06 Nov 1994 08:50:37 CET",
        0,
        "",
        Miss,
    ),
    ("", 200, "cache-control: max-age=10\nage: 5", 4, "", Hit),
    ("", 200, "cache-control: max-age=10\nage: 5", 5, "", Miss),
    ("", 200, "cache-control: max-age=10\nage: x", 9, "", Hit),
    (
        "",
        200,
        "cache-control: max-age=10\ndate: Sun, 06 Nov 1994 08:49:32 GMT",
        4,
        "",
        Hit,
    ),
    (
        "",
        200,
        "cache-control: max-age=10\ndate: Sun, 06 Nov 1994 08:49:32 GMT",
        5,
        "",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10\ndate: Sun, 06 Nov 1994 09:49:32 GMT",
        9,
        "",
        Hit,
    ),
    (
        "",
        200,
        "last-modified: Sun, 06 Nov 1994 08:47:57 GMT",
        9,
        "",
        Hit,
    ),
    (
        "",
        200,
        "last-modified: Sun, 06 Nov 1994 08:47:57 GMT",
        10,
        "",
        Revalidated,
    ),
    (
        "",
        302,
        "last-modified: Sun, 06 Nov 1994 08:47:57 GMT",
        0,
        "",
        Miss,
    ),
    ("", 302, "cache-control: max-age=10", 5, "", Hit),
    ("", 301, "cache-control: max-age=10", 5, "", Hit),
    ("", 200, "", 0, "", Miss),
    ("", 200, "etag: \"a\"", 0, "", Revalidated),
    (
        "",
        200,
        "cache-control: max-age=10\netag: \"a\"",
        10,
        "",
        Revalidated,
    ),
    ("", 200, "cache-control: no-store", 0, "", Miss),
    ("", 200, "cache-control: no-store, max-age=10", 0, "", Miss),
    (
        "",
        200,
        "cache-control: max-age=10\ncache-control: no-store",
        0,
        "",
        Miss,
    ),
    ("", 200, "cache-control: private, max-age=10", 0, "", Miss),
    (
        "",
        200,
        "cache-control: private=\"a, b\", max-age=10",
        0,
        "",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: ext=\"no-store\", max-age=10",
        5,
        "",
        Hit,
    ),
    (
        "",
        200,
        "cache-control: no-cache, max-age=10\netag: \"a\"",
        0,
        "",
        Revalidated,
    ),
    ("", 200, "cache-control: no-cache, max-age=10", 0, "", Miss),
    (
        "cache-control: no-store",
        200,
        "cache-control: max-age=10",
        0,
        "",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        0,
        "cache-control: no-store",
        Bypass,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        0,
        "cache-control: no-cache",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        0,
        "pragma: no-cache",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        0,
        "pragma: no-cache\ncache-control: max-age=5",
        Hit,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        5,
        "cache-control: max-age=5",
        Hit,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        6,
        "cache-control: max-age=5",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        5,
        "cache-control: min-fresh=5",
        Hit,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        6,
        "cache-control: min-fresh=5",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        15,
        "cache-control: max-stale=5",
        Stale,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        16,
        "cache-control: max-stale=5",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        1000,
        "cache-control: max-stale",
        Stale,
    ),
    (
        "",
        200,
        "cache-control: max-age=10, must-revalidate",
        11,
        "cache-control: max-stale",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10, proxy-revalidate",
        11,
        "cache-control: max-stale",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: s-maxage=10",
        11,
        "cache-control: max-stale",
        Miss,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        9,
        "cache-control: only-if-cached",
        Hit,
    ),
    (
        "",
        200,
        "cache-control: max-age=10",
        10,
        "cache-control: only-if-cached",
        Refused,
    ),
    (
        "",
        200,
        "cache-control: max-age=10, stale-while-revalidate=5",
        15,
        "",
        Stale,
    ),
    (
        "",
        200,
        "cache-control: max-age=10, stale-while-revalidate=5",
        16,
        "",
        Miss,
    ),
    (
        "authorization: b",
        200,
        "cache-control: max-age=10",
        0,
        "",
        Miss,
    ),
    (
        "authorization: b",
        200,
        "cache-control: max-age=10, public",
        0,
        "",
        Hit,
    ),
    (
        "authorization: b",
        200,
        "cache-control: s-maxage=10",
        0,
        "",
        Hit,
    ),
    (
        "authorization: b",
        200,
        "cache-control: max-age=10, must-revalidate",
        0,
        "",
        Hit,
    ),
    (
        "",
        200,
        "cache-control: max-age=10\nset-cookie: a=b",
        0,
        "",
        Miss,
    ),
    ("", 200, "cache-control: max-age=10\nvary: *", 0, "", Miss),
    (
        "a: 1",
        200,
        "cache-control: max-age=10\nvary: a",
        0,
        "a: 1",
        Hit,
    ),
    (
        "a: 1",
        200,
        "cache-control: max-age=10\nvary: a",
        0,
        "a: 2",
        Miss,
    ),
    (
        "a: 1",
        200,
        "cache-control: max-age=10\nvary: a",
        0,
        "",
        Miss,
    ),
    (
        "a: 1, 2",
        200,
        "cache-control: max-age=10\nvary: A",
        0,
        "a: 1\na: 2",
        Hit,
    ),
    (
        "",
        206,
        "cache-control: max-age=10\ncontent-range: bytes 0-4/9",
        0,
        "",
        Miss,
    ),
    ("", 404, "cache-control: max-age=100", 9, "", Hit),
    ("", 404, "cache-control: max-age=100", 10, "", Miss),
    ("", 404, "", 9, "", Hit),
    ("", 500, "", 0, "", Miss),
    (
        "",
        200,
        "cache-control: max-age=10",
        0,
        "if-match: \"a\"",
        Bypass,
    ),
];

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
