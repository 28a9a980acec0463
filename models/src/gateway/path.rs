//! Path normalisation: done once, before limits, authentication and routing; the result is forwarded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to do with an encoded slash or backslash (`%2F`, `%5C`) in a path.
///
/// The gateway and a service that decode differently see two different paths; that is how
/// `/public/..%2fadmin` gets past a rule for `/admin`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EncodedSlashes {
    /// Refuse the request with 400.
    #[default]
    Refuse,
    /// Pass them on as they are; only for services that never decode them.
    Keep,
    /// Decode them, then resolve and route what comes out.
    Decode,
}

/// A path that no two parsers can be trusted to read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It does not start with a slash.
    #[error("read path: it does not start with `/`")]
    NotAbsolute,
    /// A percent sign without two hexadecimal digits.
    #[error("read path: `%` without two hexadecimal digits")]
    BrokenEncoding,
    /// An encoded NUL.
    #[error("read path: it contains an encoded NUL")]
    Nul,
    /// An encoded slash or backslash where they are refused.
    #[error("read path: it contains an encoded slash")]
    EncodedSlash,
}

/// Normalises an absolute path: decodes encoded unreserved characters (RFC 3986, 6.2.2.2; `%2e` is one
/// of them), writes the remaining encodings in upper case, turns runs of slashes into one and resolves
/// `.` and `..` (RFC 3986, 5.2.4; above the root stays the root). Normalising twice changes nothing.
///
/// # Errors
///
/// [`BadPath`], to be answered with 400.
pub fn normalise(path: &str, slashes: EncodedSlashes) -> Result<String, BadPath> {
    if !path.starts_with('/') {
        return Err(BadPath::NotAbsolute);
    }
    let decoded = decode(path, slashes)?;
    Ok(resolve(&decoded))
}

fn decode(path: &str, slashes: EncodedSlashes) -> Result<String, BadPath> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && slashes == EncodedSlashes::Refuse {
            return Err(BadPath::EncodedSlash);
        }
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let value = match (bytes.next().and_then(hex), bytes.next().and_then(hex)) {
            (Some(high), Some(low)) => high << 4 | low,
            _ => return Err(BadPath::BrokenEncoding),
        };
        match value {
            0 => return Err(BadPath::Nul),
            b'/' | b'\\' => match slashes {
                EncodedSlashes::Refuse => return Err(BadPath::EncodedSlash),
                EncodedSlashes::Decode => out.push(b'/'),
                EncodedSlashes::Keep => encode(&mut out, value),
            },
            _ if is_unreserved(value) => out.push(value),
            _ => encode(&mut out, value),
        }
    }
    // Only ASCII was pushed besides what was valid UTF-8 before, byte for byte and in order.
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn resolve(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut directory = true;
    for segment in path.split('/') {
        directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    if directory || segments.is_empty() {
        out.push('/');
    }
    out
}

/// Decodes every percent encoding of a query component, and `+` as a space; broken ones stay.
pub(super) fn decode_component(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1).copied().and_then(hex).zip(
            // Both digits or neither: a lone one is text.
            bytes.get(at + 2).copied().and_then(hex),
        );
        match (bytes[at], pair) {
            (b'%', Some((high, low))) => {
                out.push(high << 4 | low);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encode(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([
        b'%',
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]);
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(path: &str) -> Result<String, BadPath> {
        normalise(path, EncodedSlashes::Refuse)
    }

    #[test]
    fn slashes_merge_and_dot_segments_resolve() {
        for (raw, normal) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("//a///b//", "/a/b/"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/../../etc", "/etc"),
            ("/a//../b", "/b"),
            ("/a.b/..c/...", "/a.b/..c/..."),
        ] {
            assert_eq!(strict(raw).as_deref(), Ok(normal), "{raw}");
        }
    }

    #[test]
    fn encoded_dots_are_decoded_before_they_are_resolved() {
        assert_eq!(strict("/public/%2e%2E/admin").as_deref(), Ok("/admin"));
        assert_eq!(strict("/public/.%2e/admin").as_deref(), Ok("/admin"));
        assert_eq!(strict("/%61dmin").as_deref(), Ok("/admin"));
    }

    #[test]
    fn decoding_happens_once() {
        assert_eq!(strict("/a/%252e%252e/b").as_deref(), Ok("/a/%252e%252e/b"));
    }

    #[test]
    fn reserved_encodings_stay_in_upper_case() {
        assert_eq!(strict("/a%3fb%c3%a9").as_deref(), Ok("/a%3Fb%C3%A9"));
    }

    #[test]
    fn encoded_slashes_follow_the_setting() {
        let raw = "/public/..%2fadmin";
        assert_eq!(strict(raw), Err(BadPath::EncodedSlash));
        assert_eq!(strict("/public/..%5Cadmin"), Err(BadPath::EncodedSlash));
        assert_eq!(
            normalise(raw, EncodedSlashes::Keep).as_deref(),
            Ok("/public/..%2Fadmin")
        );
        assert_eq!(
            normalise(raw, EncodedSlashes::Decode).as_deref(),
            Ok("/admin")
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!(strict("/%zz"), Err(BadPath::BrokenEncoding));
        assert_eq!(strict("/%2"), Err(BadPath::BrokenEncoding));
        assert_eq!(strict("/a%00b"), Err(BadPath::Nul));
        assert_eq!(strict("*"), Err(BadPath::NotAbsolute));
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for raw in ["/a/%2e%2e//b/", "/%41%2F%c3", "/x/./y/../z", "/%25%32%65"] {
            let once = normalise(raw, EncodedSlashes::Keep).unwrap();
            assert_eq!(
                normalise(&once, EncodedSlashes::Keep).as_deref(),
                Ok(&*once),
                "{raw}"
            );
        }
    }

    #[test]
    fn components_decode_pairs_and_plus_only() {
        assert_eq!(decode_component("a%20b+c%2"), "a b c%2");
        assert_eq!(decode_component("%C3%A9"), "é");
    }
}
