//! The secondary key: the request fields that an answer's `Vary` names (RFC 9111, section 4.1).

use http::header::VARY;
use http::{HeaderMap, HeaderName};

/// Named fields with the values that they had in the request, blanks around members removed.
pub(super) type Selecting = Vec<(HeaderName, Vec<String>)>;

/// The fields that `Vary` names, sorted; none for `*` and for what is no name, which match nothing.
pub(super) fn names(response: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for value in response.get_all(VARY) {
        for name in value.to_str().ok()?.split(',') {
            let name = name.trim();
            if name.is_empty() {
                continue;
            }
            if name == "*" {
                return None;
            }
            names.push(HeaderName::from_bytes(name.as_bytes()).ok()?);
        }
    }
    names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    Some(names)
}

/// The values that a request has for those fields.
pub(super) fn select(names: &[HeaderName], request: &HeaderMap) -> Selecting {
    let values = |name: &HeaderName| {
        let values = request.get_all(name).iter();
        values
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|member| String::from_utf8_lossy(member.trim_ascii()).into_owned())
            .collect()
    };
    names
        .iter()
        .map(|name| (name.clone(), values(name)))
        .collect()
}

/// Whether a request selects the answer that was stored with these values.
pub(super) fn fits(stored: &Selecting, request: &HeaderMap) -> bool {
    let names: Vec<_> = stored.iter().map(|(name, _)| name.clone()).collect();
    select(&names, request) == *stored
}
