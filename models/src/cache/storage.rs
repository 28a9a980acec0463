//! Whether an answer may be stored (RFC 9111, section 3), and what of its head is.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HeaderName, PROXY_AUTHENTICATE, SET_COOKIE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, StatusCode};

use super::directives::Directives;
use super::freshness;
use super::rules::Rules;
use super::vary;

/// Whether a shared cache may keep this answer to this request.
pub(super) fn may_store(
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
    rules: &Rules,
) -> bool {
    let asked = Directives::of_request(request);
    let said = Directives::of_response(response);
    let partial = status == StatusCode::PARTIAL_CONTENT || status == StatusCode::NOT_MODIFIED;
    if method != Method::GET || status.is_informational() || partial {
        return false;
    }
    if asked.no_store || said.no_store || said.private {
        return false;
    }
    let for_all = said.public || said.s_maxage.is_some() || said.must_revalidate;
    if request.contains_key(AUTHORIZATION) && !for_all {
        return false;
    }
    if response.contains_key(SET_COOKIE) && !rules.allow_set_cookie {
        return false;
    }
    if vary::names(response).is_none() {
        return false;
    }
    let says_how_long = said.max_age.is_some()
        || said.s_maxage.is_some()
        || response.contains_key(http::header::EXPIRES);
    says_how_long || said.public || freshness::is_heuristic(status)
}

/// The head as it is stored: without what is between two neighbours.
pub(super) fn stored_head(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in nominated {
        kept.remove(name);
    }
    let between = [
        CONNECTION,
        PROXY_AUTHENTICATE,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    for name in between {
        kept.remove(name);
    }
    kept.remove("keep-alive");
    kept.remove("proxy-connection");
    kept.remove("proxy-authentication-info");
    kept
}

/// A stored head after a 304: every field that came replaces the stored one, but for those that
/// describe the body that did not come.
pub(super) fn updated_head(stored: &HeaderMap, fresh: &HeaderMap) -> HeaderMap {
    let mut fresh = stored_head(fresh);
    for name in [
        CONTENT_LENGTH,
        http::header::CONTENT_ENCODING,
        http::header::CONTENT_TYPE,
        http::header::CONTENT_RANGE,
    ] {
        fresh.remove(name);
    }
    let mut head = stored.clone();
    // An `Age` that is not said again was the old answer's.
    head.remove(http::header::AGE);
    for name in fresh.keys() {
        head.remove(name);
    }
    for (name, value) in &fresh {
        head.append(name, value.clone());
    }
    head
}
