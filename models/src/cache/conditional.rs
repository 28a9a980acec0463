//! Conditional requests: those of clients to what is stored, and ours to the origin.

use http::header::{
    ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue};

use super::date;
use super::entry::Entry;

/// Whether a client that asked like this has what is stored already: 304.
pub(super) fn is_unchanged(request: &HeaderMap, entry: &Entry) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let mine = entry.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        let mut theirs = request.get_all(IF_NONE_MATCH).iter();
        return theirs.any(|value| {
            let tags = value.to_str().unwrap_or_default().split(',');
            tags.map(str::trim)
                .any(|tag| tag == "*" || mine.is_some_and(|mine| weakly_equal(mine, tag)))
        });
    }
    let text = |headers: &HeaderMap, name| {
        let value: Option<&HeaderValue> = headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .and_then(date::parse)
    };
    let since = text(request, IF_MODIFIED_SINCE);
    let modified = text(&entry.headers, LAST_MODIFIED);
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}

/// Preconditions that only the origin can judge.
pub(super) fn is_for_the_origin(request: &HeaderMap) -> bool {
    request.contains_key(IF_MATCH) || request.contains_key(IF_UNMODIFIED_SINCE)
}

/// Asks for the whole answer, or, if there is one to validate, whether it changed. The client's own
/// conditions are judged here, when the answer is known.
pub(super) fn prepare(request: &mut HeaderMap, stored: Option<&Entry>) {
    request.remove(IF_NONE_MATCH);
    request.remove(IF_MODIFIED_SINCE);
    request.remove(http::header::RANGE);
    request.remove(IF_RANGE);
    let Some(entry) = stored else { return };
    if let Some(tag) = entry.headers.get(ETAG) {
        request.insert(IF_NONE_MATCH, tag.clone());
    }
    if let Some(modified) = entry.headers.get(LAST_MODIFIED) {
        request.insert(IF_MODIFIED_SINCE, modified.clone());
    }
}

/// Whether a 304 is about the stored answer.
pub(super) fn is_about(fresh: &HeaderMap, entry: &Entry) -> bool {
    let text = |headers: &HeaderMap| {
        let tag = headers.get(ETAG);
        tag.map(|tag| String::from_utf8_lossy(tag.as_bytes()).into_owned())
    };
    match (text(fresh), text(&entry.headers)) {
        (Some(new), Some(old)) => weakly_equal(&new, &old),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn weakly_equal(a: &str, b: &str) -> bool {
    a.trim_start_matches("W/") == b.trim_start_matches("W/")
}
