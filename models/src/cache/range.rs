//! One range out of a stored body (RFC 9110, section 14).

use http::HeaderMap;
use http::header::{ETAG, IF_RANGE, LAST_MODIFIED, RANGE};

use super::entry::Entry;

/// What a `Range` asks for of a stored body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The whole: there is no range, one that is not understood, or the body is another by now.
    Whole,
    /// From the first byte up to and including the last.
    Bytes(usize, usize),
    /// Nothing of it is there: 416.
    Outside,
}

pub(super) fn part(request: &HeaderMap, entry: &Entry) -> Part {
    let Some(range) = request.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Part::Whole;
    };
    if entry.status != http::StatusCode::OK || !is_same(request, entry) {
        return Part::Whole;
    }
    let size = entry.body.len();
    let Some(spec) = range.trim().strip_prefix("bytes=") else {
        return Part::Whole;
    };
    // Several ranges may be answered with the whole.
    let Some((from, to)) = spec.split_once('-') else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<usize>().ok();
    match (from.trim(), to.trim()) {
        ("", last) => match number(last) {
            Some(0) => Part::Outside,
            Some(_) if size == 0 => Part::Outside,
            Some(last) => Part::Bytes(size.saturating_sub(last), size - 1),
            None => Part::Whole,
        },
        (from, to) => {
            let to_given = !to.is_empty();
            let (Some(from), Some(to)) = (
                number(from),
                number(to).or((!to_given).then_some(usize::MAX)),
            ) else {
                return Part::Whole;
            };
            if to < from {
                Part::Whole
            } else if from >= size {
                Part::Outside
            } else {
                Part::Bytes(from, to.min(size - 1))
            }
        }
    }
}

/// `If-Range` needs the strong tag, or the very date.
fn is_same(request: &HeaderMap, entry: &Entry) -> bool {
    let Some(wanted) = request.get(IF_RANGE) else {
        return true;
    };
    let tag = entry.headers.get(ETAG);
    let strong = tag.filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    strong == Some(wanted) || entry.headers.get(LAST_MODIFIED) == Some(wanted)
}
