//! W3C trace context: read strictly, passed on with a new parent id for every attempt.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use rand_core::Rng;

use super::present;
use super::sampling::Sampler;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const MOST_MEMBERS: usize = 32;
const LONGEST_KEY: usize = 256;

/// The trace a request belongs to; one per request, whatever the number of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Never zero.
    trace: u128,
    flags: u8,
    /// Whether the caller's context was valid, so that its tracestate may be passed on.
    inherited: bool,
}

impl TraceContext {
    /// The caller's context; if there is none or it is invalid, one of the trace that is in force, or of a
    /// new one, of which `sampler` decides whether it is recorded.
    ///
    /// Law (W3C Trace Context): version `ff` is invalid, version `00` allows nothing after the flags,
    /// higher versions are read by their first four fields; an all-zero id, an upper-case digit, a
    /// wrong length and a second header are invalid; surrounding white space is allowed.
    pub fn read(headers: &HeaderMap, sampler: Sampler, rng: &mut (impl Rng + ?Sized)) -> Self {
        if let Some((trace, flags)) = only(headers) {
            return Self {
                trace,
                flags,
                inherited: true,
            };
        }
        let trace = present().unwrap_or_else(|| {
            let (high, low) = (u128::from(rng.next_u64()), u128::from(rng.next_u64()));
            // All-zero is invalid; a generator that draws it gets one instead.
            (high << 64 | low).max(1)
        });
        Self {
            trace,
            flags: u8::from(sampler.records(trace)),
            inherited: false,
        }
    }

    /// The trace id, for logs.
    pub const fn trace_id(&self) -> u128 {
        self.trace
    }

    /// Whether the trace is recorded.
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Writes the context of one attempt, with a parent id of its own, over whatever was there. The
    /// tracestate is kept if the caller's traceparent was valid and it is valid itself.
    pub fn write(&self, headers: &mut HeaderMap, rng: &mut (impl Rng + ?Sized)) {
        let parent = rng.next_u64().max(1);
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        hexadecimal(self.trace, &mut text[3..35]);
        hexadecimal(parent.into(), &mut text[36..52]);
        // The level-2 random flag is passed on with the sampled flag; other bits mean nothing here.
        hexadecimal((self.flags & 3).into(), &mut text[53..]);
        if let Ok(value) = HeaderValue::from_bytes(&text) {
            headers.insert(TRACEPARENT, value);
        }
        let valid = self.inherited && headers.get_all(TRACESTATE).iter().next().is_some();
        if !valid || !is_valid_state(headers) {
            headers.remove(TRACESTATE);
        }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.trace)
    }
}

/// The trace id of a request's head, if it has a valid one.
pub fn read(headers: &HeaderMap) -> Option<u128> {
    only(headers).map(|(trace, _)| trace)
}

/// Trace id and flags of the only traceparent.
fn only(headers: &HeaderMap) -> Option<(u128, u8)> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let only = values.next().filter(|_| values.next().is_none());
    only.and_then(|value| value.to_str().ok()).and_then(parse)
}

fn parse(text: &str) -> Option<(u128, u8)> {
    let text = text.trim_matches([' ', '\t']);
    let (version, rest) = field(text, 2)?;
    let (trace, rest) = field(rest.strip_prefix('-')?, 32)?;
    let (parent, rest) = field(rest.strip_prefix('-')?, 16)?;
    let (flags, rest) = field(rest.strip_prefix('-')?, 2)?;
    let tail_is_legal = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    let flags = u8::try_from(flags).ok()?;
    (tail_is_legal && trace != 0 && parent != 0).then_some((trace, flags))
}

/// Takes `digits` lower-case hexadecimal digits, 32 at most, off the front.
fn field(text: &str, digits: usize) -> Option<(u128, &str)> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let mut number = 0;
    for byte in digits.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u128::from(digit);
    }
    Some((number, rest))
}

/// Fills `room` with the last digits of `number`. Every hop of every request writes some, too many for
/// the standard formatter, which is slow with 128 bits.
pub(super) fn hexadecimal(mut number: u128, room: &mut [u8]) {
    for place in room.iter_mut().rev() {
        *place = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

/// Several headers count as one list in their order. Empty members are allowed, an all-empty list is
/// not; duplicate keys are left to the receiver.
fn is_valid_state(headers: &HeaderMap) -> bool {
    let mut members = 0;
    for value in headers.get_all(TRACESTATE) {
        let Ok(text) = value.to_str() else {
            return false;
        };
        for member in text
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']))
        {
            if member.is_empty() {
                continue;
            }
            members += 1;
            let Some((key, value)) = member.split_once('=') else {
                return false;
            };
            if !is_key(key) || !is_value(value) {
                return false;
            }
        }
    }
    (1..=MOST_MEMBERS).contains(&members)
}

fn is_key(key: &str) -> bool {
    let (tenant, system) = key
        .split_once('@')
        .map_or((key, None), |(a, b)| (a, Some(b)));
    let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let part =
        |part: &str, longest: usize| (1..=longest).contains(&part.len()) && part.bytes().all(legal);
    let starts_low = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase());
    match system {
        None => part(key, LONGEST_KEY) && (starts_low(key) || starts_with_digit(key)),
        Some(system) => {
            part(tenant, 241)
                && (starts_low(tenant) || starts_with_digit(tenant))
                && part(system, 14)
                && starts_low(system)
        }
    }
}

fn starts_with_digit(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_digit())
}

fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len())
        && value
            .bytes()
            .all(|byte| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=')
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    fn inherited(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", HeaderValue::from_str(value).unwrap());
        }
        TraceContext::read(&headers, Sampler::ALWAYS, &mut rng()).inherited
    }

    #[test]
    fn a_valid_parent_is_inherited() {
        assert!(inherited(&[&format!("00-{TRACE}-{PARENT}-01")]));
        assert!(inherited(&[&format!("  00-{TRACE}-{PARENT}-00\t")]));
        assert!(inherited(&[&format!("cc-{TRACE}-{PARENT}-01")]));
        assert!(inherited(&[&format!(
            "cc-{TRACE}-{PARENT}-01-what-the-future-brings"
        )]));
    }

    #[test]
    fn an_invalid_parent_starts_a_new_trace() {
        let zero_trace = "0".repeat(32);
        let zero_parent = "0".repeat(16);
        for value in [
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-extra"),
            format!("00-{TRACE}-{PARENT}-01."),
            format!("cc-{TRACE}-{PARENT}-01.extra"),
            format!("00-{zero_trace}-{PARENT}-01"),
            format!("00-{TRACE}-{zero_parent}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-0"),
            format!("00-{TRACE}-{PARENT}-.0"),
            format!("00-{}-{PARENT}-01", &TRACE[1..]),
            format!("00-{TRACE}-{PARENT}0-01"),
            format!("0-{TRACE}-{PARENT}-01"),
            String::new(),
        ] {
            assert!(!inherited(&[&value]), "{value}");
        }
        let valid = format!("00-{TRACE}-{PARENT}-01");
        assert!(!inherited(&[&valid, &valid]));
        assert!(!inherited(&[]));
    }

    fn pass_on(state: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let parent = format!("00-{TRACE}-{PARENT}-03");
        headers.insert("traceparent", HeaderValue::from_str(&parent).unwrap());
        for value in state {
            headers.append("tracestate", HeaderValue::from_str(value).unwrap());
        }
        let mut rng = rng();
        let context = TraceContext::read(&headers, Sampler::ALWAYS, &mut rng);
        context.write(&mut headers, &mut rng);
        headers
    }

    #[test]
    fn every_attempt_has_a_parent_of_its_own_in_the_same_trace() {
        let mut headers = pass_on(&[]);
        let first = headers["traceparent"].clone();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        TraceContext::read(&headers, Sampler::ALWAYS, &mut rng).write(&mut headers, &mut rng);
        let (first, second) = (
            first.to_str().unwrap(),
            headers["traceparent"].to_str().unwrap(),
        );
        assert_eq!(&first[..36], &second[..36]);
        assert_ne!(&first[36..52], &second[36..52]);
        assert_ne!(&first[36..52], PARENT);
        assert!(first.ends_with("-03") && second.ends_with("-03"));
    }

    #[test]
    fn a_bad_state_is_dropped_and_the_parent_survives() {
        let many = (0..33)
            .map(|n| format!("k{n}=1"))
            .collect::<Vec<_>>()
            .join(",");
        let full = (0..32)
            .map(|n| format!("k{n}=1"))
            .collect::<Vec<_>>()
            .join(",");
        let long = format!("{}=1", "k".repeat(257));
        for bad in [
            &*many,
            &*long,
            "Foo=1",
            "foo",
            "foo=1=2",
            "",
            "foo@=1",
            "@foo=1",
            "foo=1,b ar=2",
        ] {
            let headers = pass_on(&[bad]);
            assert!(!headers.contains_key("tracestate"), "{bad}");
            assert!(headers["traceparent"].to_str().unwrap().contains(TRACE));
        }
        for good in [
            &*full,
            "foo=1",
            "foo=1 , \tbar=2",
            "foo=1,,bar=2",
            "0a@b=x",
            "a*/_-=!~",
        ] {
            assert!(pass_on(&[good]).contains_key("tracestate"), "{good}");
        }
        assert_eq!(
            pass_on(&["foo=1", "bar=2"])
                .get_all("tracestate")
                .iter()
                .count(),
            2
        );
    }

    #[test]
    fn a_new_trace_drops_the_old_state() {
        let mut headers = HeaderMap::new();
        headers.insert("tracestate", HeaderValue::from_static("foo=1"));
        let context = TraceContext::read(&headers, Sampler::ALWAYS, &mut rng());
        context.write(&mut headers, &mut rng());
        assert!(!headers.contains_key("tracestate"));
        assert!(headers["traceparent"].to_str().unwrap().ends_with("-01"));
    }
}
