//! What requests have in common that stay together.

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};

use super::Client;
use super::config::Stick;
use super::route::header;

/// Where the value stands that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stickiness {
    Client,
    Header(HeaderName),
    Cookie(String),
}

impl Stickiness {
    pub(super) fn new(stick: &Stick) -> Self {
        match stick {
            Stick::Client => Self::Client,
            Stick::Header(name) => Self::Header(header(name)),
            Stick::Cookie(name) => Self::Cookie(name.clone()),
        }
    }

    /// The hash of the value; none if the request has none.
    pub(super) fn key(
        &self,
        headers: &HeaderMap,
        client: &Client,
        hash: impl FnOnce(&[u8]) -> u64,
    ) -> Option<u64> {
        match self {
            Self::Client => Some(hash(client.to_string().as_bytes())),
            Self::Header(name) => headers.get(name).map(|value| hash(value.as_bytes())),
            Self::Cookie(name) => cookie(headers, name).map(|value| hash(value.as_bytes())),
        }
    }
}

/// The value of a cookie of this name, the first one that was sent (RFC 6265, section 4.2).
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(found, value)| (found == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_first_cookie_of_a_name_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; session=x=y"));
        headers.append(COOKIE, HeaderValue::from_static("session=z; asession=w"));
        assert_eq!(cookie(&headers, "session"), Some("x=y"));
        assert_eq!(cookie(&headers, "a"), Some("1"));
        assert_eq!(cookie(&headers, "b"), None);
    }
}
