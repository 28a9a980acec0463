//! What sessions may rely on.

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::super::{Balancer, Call, NoEndpoint};
use super::super::tests::{Bed, hosts};
use super::super::{Health, InvalidPolicy, Policy};
use super::*;

const SECRET: &[u8] = b"sixteen bytes or";

struct Sessions {
    bed: Bed,
    sticky: Sticky,
}

impl Sessions {
    fn new(list: &str, drain: Drain) -> Self {
        let bed = Bed::new(Policy::default(), &hosts(list));
        let sticky = Sticky::new(bed.cluster.clone(), SECRET, drain).unwrap();
        Self { bed, sticky }
    }

    /// Where a call goes, and the value it leaves the client with.
    fn call(&self, value: Option<&str>) -> (String, Option<String>) {
        let stuck = self.sticky.pick(value, &Call::default(), &mut |_| true);
        let Stuck { flight, value } = stuck.unwrap();
        (flight.endpoint().to_string(), value)
    }
}

#[test]
fn a_session_stays_where_it_began() {
    let sessions = Sessions::new("a b c 1/d", Drain::Move);
    let (first, value) = sessions.call(None);
    for _ in 0..50 {
        assert_eq!(sessions.call(value.as_deref()), (first.clone(), None));
        assert!(sessions.call(None).1.is_some());
    }
}

#[test]
fn lb_26_a_session_moves_when_its_endpoint_dies() {
    let sessions = Sessions::new("a b c", Drain::Keep);
    let (first, value) = sessions.call(None);
    sessions.bed.set(&first, Health::Unhealthy);
    let (second, moved) = sessions.call(value.as_deref());
    assert_ne!(second, first);
    // It does not come back of itself.
    sessions.bed.set(&first, Health::Healthy);
    assert_eq!(sessions.call(moved.as_deref()), (second.clone(), None));
    let rest: String = ["a", "b", "c"]
        .into_iter()
        .filter(|name| **name != second)
        .collect();
    let rest: Vec<String> = rest.chars().map(|name| name.to_string()).collect();
    sessions
        .bed
        .cluster
        .replace(&hosts(&rest.join(" ")))
        .unwrap();
    let (third, again) = sessions.call(moved.as_deref());
    assert!(third != second && again.is_some());
}

#[test]
fn lb_26_a_session_moves_when_its_endpoint_refuses_or_was_tried() {
    let sessions = Sessions::new("a b", Drain::Move);
    let (first, value) = sessions.call(None);
    let mut asked = Vec::new();
    let moved = sessions
        .sticky
        .pick(value.as_deref(), &Call::default(), &mut |name| {
            asked.push(name.to_string());
            **name != *first
        });
    let moved = moved.unwrap();
    assert!(**moved.flight.endpoint() != *first && moved.value.is_some());
    assert_eq!(asked.len(), 2);
    let retry = Call {
        eligible: &|name| **name != *first,
        ..Call::default()
    };
    let retried = sessions
        .sticky
        .pick(value.as_deref(), &retry, &mut |_| true);
    assert!(**retried.unwrap().flight.endpoint() != *first);
    let refused = sessions
        .sticky
        .pick(value.as_deref(), &Call::default(), &mut |_| false);
    assert_eq!(refused.unwrap_err(), NoEndpoint::NoneAdmits { asked: 2 });
    drop(moved);
    assert!(
        sessions
            .bed
            .cluster
            .loads()
            .iter()
            .all(|(_, load)| *load == 0)
    );
}

#[test]
fn lb_27_a_draining_endpoint_gets_no_new_session_and_keeps_old_ones_if_it_is_said_so() {
    for (drain, stays) in [(Drain::Move, false), (Drain::Keep, true)] {
        let sessions = Sessions::new("a b c", drain);
        let (first, value) = sessions.call(None);
        sessions.bed.set(&first, Health::Draining);
        for _ in 0..30 {
            assert_ne!(sessions.call(None).0, first);
        }
        let (next, moved) = sessions.call(value.as_deref());
        assert_eq!(
            (next == first, moved.is_none()),
            (stays, stays),
            "{drain:?}"
        );
    }
}

#[test]
fn a_session_in_a_panic_stays_with_its_unhealthy_endpoint() {
    let sessions = Sessions::new("a b c", Drain::Move);
    let (first, value) = sessions.call(None);
    sessions.bed.set("a b c", Health::Unhealthy);
    assert_eq!(sessions.call(value.as_deref()), (first, None));
}

#[test]
fn a_client_can_name_nobody_by_itself() {
    let sessions = Sessions::new("a b c", Drain::Move);
    let foreign = Seal::new(b"another secret of the same kind").unwrap();
    let absent = Seal::new(SECRET).unwrap().value("d");
    let tries = [
        "a",
        "",
        "10.0.0.1:80",
        &foreign.value("a"),
        &absent,
        &"0".repeat(32),
    ];
    for value in tries {
        assert!(sessions.call(Some(value)).1.is_some(), "{value}");
    }
    let own = Seal::new(SECRET).unwrap().value("b");
    for bent in [
        format!("+{}", &own[1..]),
        format!("{own}0"),
        own[..31].to_owned(),
    ] {
        assert!(sessions.call(Some(&bent)).1.is_some(), "{bent}");
    }
    assert_eq!(sessions.call(Some(&own)), ("b".to_owned(), None));
}

#[test]
fn a_value_is_half_an_hmac_and_a_secret_is_long() {
    // RFC 4231, test case 1 has a key of 20 bytes 0x0b and the data "Hi There".
    let seal = Seal::new(&[0x0b; 20]).unwrap();
    assert_eq!(seal.value("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b");
    let short = Seal::new(b"fifteen bytes..").unwrap_err();
    assert_eq!(short, InvalidPolicy::ShortSecret { bytes: 15 });
    assert_eq!(format!("{seal:?}"), "Seal { .. }");
}

#[test]
fn the_calls_of_a_session_are_counted_once() {
    let sessions = Sessions::new("a b", Drain::Move);
    let (first, value) = sessions.call(None);
    sessions.call(value.as_deref());
    sessions.bed.set(&first, Health::Unhealthy);
    sessions.call(value.as_deref());
    assert_eq!(sessions.sticky.cluster().counters().offered(), 3);
}

#[test]
fn a_cookie_is_found_among_others_and_written_beside_them() {
    let cookie = Cookie {
        lifetime: Some(Duration::from_secs(60)),
        ..Cookie::new("route")
    };
    let carrier = Carrier::Cookie(cookie);
    carrier.validate().unwrap();
    let mut headers = HeaderMap::new();
    headers.append(COOKIE, HeaderValue::from_static("a=1; routes=no; b"));
    assert_eq!(carrier.read(&headers), None);
    headers.append(
        COOKIE,
        HeaderValue::from_static("c=2; route=\"abc\"; route=d"),
    );
    assert_eq!(carrier.read(&headers), Some("abc"));
    let mut answer = HeaderMap::new();
    answer.append(SET_COOKIE, HeaderValue::from_static("own=1"));
    carrier.write("abc", &mut answer);
    let lines: Vec<_> = answer.get_all(SET_COOKIE).iter().collect();
    let expected = "route=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure";
    assert_eq!(lines, ["own=1", expected]);
}

#[test]
fn a_header_is_read_and_replaced() {
    let carrier = Carrier::Header(HeaderName::from_static("x-session"));
    carrier.validate().unwrap();
    let mut headers = HeaderMap::new();
    assert_eq!(carrier.read(&headers), None);
    carrier.write("one", &mut headers);
    carrier.write("two", &mut headers);
    assert_eq!(headers.get_all("x-session").iter().count(), 1);
    assert_eq!(carrier.read(&headers), Some("two"));
}

#[test]
fn a_cookie_that_would_break_out_of_its_line_is_refused() {
    let refuse = |cookie: Cookie| Carrier::Cookie(cookie).validate().unwrap_err();
    for name in ["", "a b", "a;b", "a=b", "ü"] {
        assert_eq!(
            refuse(Cookie::new(name)),
            InvalidPolicy::NoCookie("cookie.name")
        );
    }
    for path in ["", "a", "/;x", "/\r\n"] {
        let path = path.to_owned();
        let cookie = Cookie {
            path,
            ..Cookie::new("a")
        };
        assert_eq!(refuse(cookie), InvalidPolicy::NoCookie("cookie.path"));
    }
    let lifetime = Some(Duration::from_millis(999));
    let cookie = Cookie {
        lifetime,
        ..Cookie::new("a")
    };
    assert_eq!(refuse(cookie), InvalidPolicy::Zero("cookie.lifetime"));
}
