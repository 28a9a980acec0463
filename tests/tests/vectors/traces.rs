//! Trace context against the cases of the W3C's own test suite, and consistent sampling against
//! OpenTelemetry's thresholds.

use http::{HeaderMap, HeaderName, HeaderValue};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use windtunnel_models::trace::sampling::Threshold;
use windtunnel_models::trace::{Sampler, TraceContext};

use crate::row::Vector;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";

/// What one hop hands on.
struct Passed {
    trace: String,
    parent: String,
    flags: String,
    state: Option<String>,
}

impl Passed {
    fn is_same_trace(&self) -> bool {
        self.trace == TRACE
    }
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// Through one hop.
fn pass(fields: &[(&str, &str)], seed: u64) -> Passed {
    let mut headers = headers(fields);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let context = TraceContext::read(&headers, Sampler::ALWAYS, &mut rng);
    context.write(&mut headers, &mut rng);
    let parents: Vec<_> = headers.get_all("traceparent").iter().collect();
    assert_eq!(parents.len(), 1, "exactly one is handed on");
    let text = parents[0].to_str().unwrap();
    let parts: Vec<_> = text.split('-').collect();
    assert_eq!(
        parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
        [2, 32, 16, 2]
    );
    assert_eq!(parts[0], "00");
    let states: Vec<_> = headers.get_all("tracestate").iter().collect();
    let states = states.iter().map(|state| state.to_str().unwrap());
    let state = states.collect::<Vec<_>>().join(",");
    Passed {
        trace: parts[1].to_owned(),
        parent: parts[2].to_owned(),
        flags: parts[3].to_owned(),
        state: headers.contains_key("tracestate").then_some(state),
    }
}

/// Whether the trace goes on through a hop that was given this parent.
fn goes_on(parent: &str) -> bool {
    let passed = pass(&[("traceparent", parent)], 1);
    assert_ne!(passed.parent, PARENT, "each hop is a parent of its own");
    assert_ne!(passed.trace, "0".repeat(32));
    passed.is_same_trace()
}

/// What is left of a state that came with a good parent; the parent survives whatever the state.
fn state(values: &[&str]) -> Option<String> {
    let parent = format!("00-{TRACE}-{PARENT}-00");
    let mut fields = vec![("traceparent", &*parent)];
    fields.extend(values.iter().map(|value| ("tracestate", *value)));
    let passed = pass(&fields, 1);
    assert!(passed.is_same_trace(), "{values:?}");
    passed.state
}

const V38: Vector = Vector::new("V-38", "W3C Trace Context, its test suite");

#[test]
fn v38_traceparent_that_is_missing_alone_or_twice() {
    let v = V38;
    v.exact("missing: a new trace", false, pass(&[], 1).is_same_trace());
    let other = pass(&[], 2).trace != pass(&[], 1).trace;
    v.exact("missing: two traces are two", true, other);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    v.exact("alone", true, goes_on(&parent));
    let second = format!("00-{TRACE}-{PARENT}-00");
    let twice = [("traceparent", &*parent), ("traceparent", &*second)];
    v.exact("twice", false, pass(&twice, 1).is_same_trace());
    for name in ["trace-parent", "trace.parent", "traceparents"] {
        let wrong = pass(&[(name, &parent)], 1).is_same_trace();
        v.exact(&format!("named {name}"), false, wrong);
    }
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        let cased = pass(&[(name, &parent)], 1).is_same_trace();
        v.exact(&format!("named {name}"), true, cased);
    }
    let state_alone = pass(&[("tracestate", "foo=1")], 1);
    let lost = !state_alone.is_same_trace() && state_alone.state.is_none();
    v.exact("missing: the state is dropped", true, lost);
}

#[test]
fn v38_version_of_traceparent() {
    let v = V38;
    for (what, parent, expected) in [
        ("00 and a tail", format!("00-{TRACE}-{PARENT}-01."), false),
        (
            "00 and a field",
            format!("00-{TRACE}-{PARENT}-01-what"),
            false,
        ),
        ("cc", format!("cc-{TRACE}-{PARENT}-01"), true),
        (
            "cc and a field",
            format!("cc-{TRACE}-{PARENT}-01-what-comes"),
            true,
        ),
        (
            "cc and a tail",
            format!("cc-{TRACE}-{PARENT}-01.what-comes"),
            false,
        ),
        ("ff", format!("ff-{TRACE}-{PARENT}-01"), false),
        ("illegal .0", format!(".0-{TRACE}-{PARENT}-01"), false),
        ("illegal 0.", format!("0.-{TRACE}-{PARENT}-01"), false),
        ("too long", format!("000-{TRACE}-{PARENT}-01"), false),
        ("too long", format!("0000-{TRACE}-{PARENT}-01"), false),
        ("too short", format!("0-{TRACE}-{PARENT}-01"), false),
    ] {
        v.exact(&format!("version: {what}"), expected, goes_on(&parent));
    }
}

#[test]
fn v38_ids_and_flags_of_traceparent() {
    let v = V38;
    let of_trace = |trace: &str| format!("00-{trace}-{PARENT}-01");
    let of_parent = |parent: &str| format!("00-{TRACE}-{parent}-01");
    let of_flags = |flags: &str| format!("00-{TRACE}-{PARENT}-{flags}");
    for (what, parent) in [
        ("trace id of zeros", of_trace(&"0".repeat(32))),
        (
            "illegal trace id",
            of_trace(".2345678901234567890123456789012"),
        ),
        (
            "illegal trace id",
            of_trace("1234567890123456789012345678901."),
        ),
        (
            "upper-case trace id",
            of_trace("ABCDEF78901234567890123456789012"),
        ),
        ("long trace id", of_trace(&format!("{TRACE}3"))),
        ("short trace id", of_trace(&TRACE[..31])),
        ("parent id of zeros", of_parent(&"0".repeat(16))),
        ("illegal parent id", of_parent(".234567890123456")),
        ("illegal parent id", of_parent("123456789012345.")),
        ("long parent id", of_parent(&format!("{PARENT}7"))),
        ("short parent id", of_parent(&PARENT[..15])),
        ("illegal flags", of_flags(".0")),
        ("illegal flags", of_flags("0.")),
        ("long flags", of_flags("001")),
        ("short flags", of_flags("1")),
    ] {
        v.exact(what, false, goes_on(&parent));
    }
    let spaces = format!(" \t00-{TRACE}-{PARENT}-01\t ");
    v.exact("white space around it", true, goes_on(&spaces));
    for flags in ["00", "01", "02", "03"] {
        let passed = pass(&[("traceparent", &of_flags(flags))], 1);
        v.exact(
            "sampled and random flag are passed on",
            flags,
            &*passed.flags,
        );
    }
}

#[test]
fn v38_tracestate() {
    let v = V38;
    let kept = |text: &str| Some(text.to_owned());
    v.exact("included", kept("foo=1,bar=2"), state(&["foo=1,bar=2"]));
    v.exact(
        "several fields",
        kept("foo=1,bar=2"),
        state(&["foo=1", "bar=2"]),
    );
    v.exact("empty", None, state(&[""]));
    v.exact(
        "an empty field among others",
        kept("foo=1,"),
        state(&["foo=1", ""]),
    );
    for name in ["trace-state", "trace.state"] {
        let parent = format!("00-{TRACE}-{PARENT}-00");
        let passed = pass(&[("traceparent", &parent), (name, "foo=1")], 1);
        v.exact(&format!("named {name}"), None, passed.state);
    }
    for name in ["TraceState", "TRACESTATE"] {
        let parent = format!("00-{TRACE}-{PARENT}-00");
        let passed = pass(&[("traceparent", &parent), (name, "foo=1")], 1);
        v.exact(&format!("named {name}"), kept("foo=1"), passed.state);
    }
    let twice = state(&["foo=1,foo=1"]);
    v.exact("one key twice: one or both", true, twice.is_some());
    let all_key = "a0123456789_-*/abcdefghijklmnopqrstuvwxyz";
    let all_value: String = (0x21..0x7f_u8)
        .map(char::from)
        .filter(|c| !matches!(c, ',' | '='))
        .collect();
    let all = format!("{all_key}={all_value}");
    v.exact("all characters", kept(&all), state(&[&all]));
    let spaced =
        state(&["foo=1 \t , \t bar=2, \t baz=3"]).map(|text| text.replace([' ', '\t'], ""));
    v.exact(
        "white space around members",
        kept("foo=1,bar=2,baz=3"),
        spaced,
    );
    for key in [
        "foo ",
        "FOO",
        "foo.bar",
        "foo@",
        "@foo",
        "foo@@bar",
        "foo@bar@baz",
        "",
    ] {
        v.exact(&format!("key {key:?}"), None, state(&[&format!("{key}=1")]));
    }
    let tenant = format!("{}@{}=1", "t".repeat(241), "v".repeat(14));
    v.exact(
        "tenant@system of the longest kind",
        kept(&tenant),
        state(&[&tenant]),
    );
    for (what, key) in [
        ("key of 257", "z".repeat(257)),
        ("tenant of 242", format!("{}@v", "t".repeat(242))),
        ("system of 15", format!("t@{}", "v".repeat(15))),
    ] {
        v.exact(what, None, state(&[&format!("{key}=1")]));
    }
    let longest = format!("{}=1", "z".repeat(256));
    v.exact("key of 256", kept(&longest), state(&[&longest]));
    let members = |count: usize| {
        let each = (0..count).map(|n| format!("bar{n:02}={n:02}"));
        each.collect::<Vec<_>>().join(",")
    };
    v.exact("32 members", kept(&members(32)), state(&[&members(32)]));
    v.exact("33 members", None, state(&[&members(33)]));
    for value in ["bar=baz", "", "\u{e9}"] {
        let member = format!("foo={value}");
        v.exact(&format!("value {value:?}"), None, state(&[&member]));
    }
}

#[test]
fn v38_several_calls_for_one_request() {
    let v = V38;
    for (what, fields, same) in [
        (
            "with a parent",
            vec![("traceparent", format!("00-{TRACE}-{PARENT}-01"))],
            true,
        ),
        ("without one", vec![], false),
        (
            "with an illegal one",
            vec![("traceparent", format!("00-{TRACE}-{PARENT}-0x"))],
            false,
        ),
    ] {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let headers = headers(&fields);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let context = TraceContext::read(&headers, Sampler::ALWAYS, &mut rng);
        let mut sent = Vec::new();
        for _ in 0..3 {
            let mut call = headers.clone();
            context.write(&mut call, &mut rng);
            sent.push(call["traceparent"].to_str().unwrap().to_owned());
        }
        let traces: Vec<_> = sent.iter().map(|text| &text[3..35]).collect();
        let one = traces.iter().all(|trace| *trace == traces[0]);
        v.exact(&format!("{what}: one trace"), true, one);
        v.exact(&format!("{what}: the caller's"), same, traces[0] == TRACE);
        let parents: std::collections::BTreeSet<_> =
            sent.iter().map(|text| &text[36..52]).collect();
        v.exact(&format!("{what}: a parent id each"), 3, parents.len());
    }
}

#[test]
fn v39_thresholds_of_consistent_sampling() {
    let v = Vector::new("V-39", "OpenTelemetry, consistent probability sampling");
    for (share, exact, rounded) in [
        (1.0, "0", "0"),
        (0.5, "8", "8"),
        (0.25, "c", "c"),
        (0.1, "e6666666666668", "e666"),
        (0.01, "fd70a3d70a3d7", "fd70a"),
    ] {
        let threshold = Threshold::of(share).unwrap();
        v.exact(
            &format!("p = {share}"),
            exact.to_owned(),
            threshold.to_string(),
        );
        let short = threshold.rounded(4).to_string();
        v.exact(
            &format!("p = {share}, four digits"),
            rounded.to_owned(),
            short,
        );
    }
}
