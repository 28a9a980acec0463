//! What a proxy must do to headers: hop-by-hop ones end here, the trail of hops grows by one.

use std::net::{IpAddr, SocketAddr};

use http::header::{CONNECTION, FORWARDED, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use crate::tls::Secured;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Headers that belong to one connection, besides what `Connection` names.
pub(super) const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers no sender can have removed by naming them in `Connection`.
const PROTECTED: [&str; 14] = [
    "authorization",
    "content-length",
    "cookie",
    "forwarded",
    "host",
    "idempotency-key",
    "set-cookie",
    "traceparent",
    "tracestate",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    crate::http::deadline::HEADER,
];

/// Removes what belongs to the connection the message came on. `TE: trailers` survives, because it
/// asks for something the next hop must know; `Trailer` is end-to-end.
pub(super) fn strip(headers: &mut HeaderMap, protected: &[HeaderName]) {
    let wants_trailers = tokens(headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    let nominated: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|token| HeaderName::try_from(token).ok())
        .filter(|name| !PROTECTED.contains(&name.as_str()) && !protected.contains(name))
        .filter(|name| *name != TRAILER)
        .collect();
    for name in nominated.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    headers.remove(TE);
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

pub(super) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// What this gateway appends to `Via`, never replacing what is there: the version that a message was
/// received in, and the gateway's name.
#[derive(Debug)]
pub(super) struct Via([HeaderValue; 3]);

impl Via {
    /// For a gateway of a name that validation has seen.
    pub(super) fn new(name: &str) -> Self {
        let value = |version| {
            let value = HeaderValue::try_from(format!("{version} {name}"));
            value.unwrap_or(HeaderValue::from_static("1.1 -"))
        };
        Self(["1.0", "1.1", "2.0"].map(value))
    }

    pub(super) fn append(&self, headers: &mut HeaderMap, received: Version) {
        let value = match received {
            Version::HTTP_10 => &self.0[0],
            Version::HTTP_2 => &self.0[2],
            _ => &self.0[1],
        };
        headers.append(VIA, value.clone());
    }
}

/// The scheme of the connection that a request came on.
pub(super) fn own_scheme(head: &http::request::Parts) -> &'static str {
    match head.extensions.get::<Secured>() {
        Some(_) => "https",
        None => "http",
    }
}

/// Appends the connection's own address to the trail of client addresses. What earlier hops said about
/// host and scheme stays if `trusted`, and is replaced otherwise.
pub(super) fn append_forwarded(
    headers: &mut HeaderMap,
    peer: SocketAddr,
    host: &str,
    trusted: bool,
    standard: bool,
    scheme: &'static str,
) {
    let address = peer.ip().to_canonical();
    if let Ok(value) = HeaderValue::try_from(address.to_string()) {
        headers.append(X_FORWARDED_FOR, value);
    }
    if !trusted || !headers.contains_key(X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    }
    if !trusted || !headers.contains_key(X_FORWARDED_HOST) {
        // A host that is no header value was refused before.
        headers.remove(X_FORWARDED_HOST);
        if let Ok(value) = HeaderValue::try_from(host) {
            headers.insert(X_FORWARDED_HOST, value);
        }
    }
    if standard {
        let node = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("\"[{address}]\""),
        };
        let host = host.replace(['"', '\\'], "");
        let element = format!("for={node};host=\"{host}\";proto={scheme}");
        if let Ok(value) = HeaderValue::try_from(element) {
            headers.append(FORWARDED, value);
        }
    }
}

/// The client's address: entry `trusted_hops` of `X-Forwarded-For`, counted from the right; with 0, with
/// too few entries or an unreadable one, the connection's own.
pub(super) fn client_address(headers: &HeaderMap, peer: SocketAddr, trusted_hops: usize) -> IpAddr {
    let own = peer.ip().to_canonical();
    let Some(from_right) = trusted_hops.checked_sub(1) else {
        return own;
    };
    // Lines we cannot read still count as entries: skipping one would shift trust to the left.
    let mut entries: Vec<Option<&str>> = Vec::new();
    for line in headers.get_all(X_FORWARDED_FOR) {
        match line.to_str() {
            Ok(line) => entries.extend(line.split(',').map(|entry| Some(entry.trim()))),
            Err(_) => entries.push(None),
        }
    }
    let entry = entries
        .len()
        .checked_sub(1 + from_right)
        .and_then(|index| entries[index]);
    entry
        .and_then(address)
        .map_or(own, |address| address.to_canonical())
}

fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches('"');
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = entry.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// The host a request is for: lower case, without port and without one trailing dot.
///
/// An absolute request target outranks the header; a missing or second `Host` is `None`.
pub(super) fn requested_host(head: &http::request::Parts) -> Option<String> {
    let authority = requested_authority(head)?;
    let host = authority.host().to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    (!host.is_empty()).then(|| host.to_owned())
}

/// Writes what a request is for into its one `Host` header: a target with an authority (a request to a
/// proxy, any request of HTTP/2) outranks the header (RFC 9112, section 3.2.2), and two hosts in one
/// request are two answers to one question.
pub(super) fn unify_host(head: &mut http::request::Parts) {
    let authority = head.uri.authority();
    if let Some(host) = authority.and_then(|host| HeaderValue::try_from(host.as_str()).ok()) {
        head.headers.insert(HOST, host);
    }
}

/// The port a request is for, if it says one.
pub(super) fn requested_port(head: &http::request::Parts) -> Option<u16> {
    requested_authority(head)?.port_u16()
}

fn requested_authority(head: &http::request::Parts) -> Option<Authority> {
    if let Some(authority) = head.uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    let only = hosts.next().filter(|_| hosts.next().is_none())?;
    only.to_str().ok()?.parse().ok()
}

/// The scheme a request came by: what a trusted proxy in front says, or that of this gateway.
pub(super) fn requested_scheme(
    headers: &HeaderMap,
    trusted: bool,
    own: &'static str,
) -> &'static str {
    let said = headers.get(X_FORWARDED_PROTO).filter(|_| trusted);
    match said {
        Some(said) if said == "https" => "https",
        Some(_) => "http",
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn hop_by_hop_headers_and_what_connection_names_end_here() {
        let mut message = headers(&[
            ("connection", "close, X-Secret-Hop"),
            ("connection", "x-other"),
            ("x-secret-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
            ("accept", "*/*"),
        ]);
        strip(&mut message, &[]);
        assert_eq!(names(&message), ["accept"]);
    }

    #[test]
    fn a_protected_header_cannot_be_nominated_away() {
        let mut message = headers(&[
            ("connection", "close, X-Forwarded-For, x-tenant, host"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-tenant", "acme"),
            ("host", "a"),
        ]);
        strip(&mut message, &[HeaderName::from_static("x-tenant")]);
        assert_eq!(names(&message), ["host", "x-forwarded-for", "x-tenant"]);
    }

    #[test]
    fn te_trailers_survives_and_other_codings_do_not() {
        let mut message = headers(&[("te", "deflate, Trailers"), ("trailer", "x-sum")]);
        strip(&mut message, &[]);
        assert_eq!(message["te"], "trailers");
        assert_eq!(names(&message), ["te", "trailer"]);
    }

    #[test]
    fn via_and_forwarded_for_are_appended_not_replaced() {
        let mut message = headers(&[("via", "1.0 first"), ("x-forwarded-for", "198.51.100.1")]);
        Via::new("edge").append(&mut message, Version::HTTP_11);
        let peer = "203.0.113.7:4711".parse().unwrap();
        append_forwarded(&mut message, peer, "shop.example", false, true, "http");
        let all = |name: &str| -> Vec<_> {
            message
                .get_all(name)
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect()
        };
        assert_eq!(all("via"), ["1.0 first", "1.1 edge"]);
        assert_eq!(all("x-forwarded-for"), ["198.51.100.1", "203.0.113.7"]);
        assert_eq!(
            all("forwarded"),
            ["for=203.0.113.7;host=\"shop.example\";proto=http"]
        );
        assert_eq!(all("x-forwarded-host"), ["shop.example"]);
    }

    #[test]
    fn scheme_and_host_of_an_untrusted_caller_are_replaced() {
        let said = [("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")];
        let peer = "203.0.113.7:1".parse().unwrap();
        let mut message = headers(&said);
        append_forwarded(&mut message, peer, "shop", false, false, "http");
        assert_eq!(message["x-forwarded-proto"], "http");
        assert_eq!(message["x-forwarded-host"], "shop");
        let mut message = headers(&said);
        append_forwarded(&mut message, peer, "shop", true, false, "http");
        assert_eq!(message["x-forwarded-proto"], "https");
        assert_eq!(message["x-forwarded-host"], "evil");
        let mut message = headers(&[("x-forwarded-proto", "http")]);
        append_forwarded(&mut message, peer, "shop", false, true, "https");
        assert_eq!(message["x-forwarded-proto"], "https");
        let forwarded = message["forwarded"].to_str().unwrap();
        assert!(forwarded.ends_with(";proto=https"), "{forwarded}");
    }

    #[test]
    fn the_client_address_counts_trusted_hops_from_the_right() {
        let message = headers(&[
            ("x-forwarded-for", "6.6.6.6, 198.51.100.1"),
            ("x-forwarded-for", "10.0.0.2:99"),
        ]);
        let peer = "10.0.0.1:5000".parse().unwrap();
        let client = |hops| client_address(&message, peer, hops).to_string();
        assert_eq!(client(0), "10.0.0.1");
        assert_eq!(client(1), "10.0.0.2");
        assert_eq!(client(2), "198.51.100.1");
        assert_eq!(client(3), "6.6.6.6");
        assert_eq!(client(4), "10.0.0.1", "fewer entries than trusted hops");
        assert_eq!(client(usize::MAX), "10.0.0.1");
    }

    #[test]
    fn an_unreadable_entry_is_never_skipped() {
        let peer = "10.0.0.1:5000".parse().unwrap();
        let message = headers(&[("x-forwarded-for", "198.51.100.1, unknown")]);
        assert_eq!(client_address(&message, peer, 1).to_string(), "10.0.0.1");
        let mut message = headers(&[("x-forwarded-for", "198.51.100.1")]);
        message.append("x-forwarded-for", HeaderValue::from_bytes(&[0xff]).unwrap());
        assert_eq!(client_address(&message, peer, 1).to_string(), "10.0.0.1");
    }

    #[test]
    fn addresses_are_compared_in_one_form() {
        let peer = "[::ffff:10.0.0.1]:5000".parse().unwrap();
        let message = headers(&[("x-forwarded-for", "\"[2001:db8::1]:80\"")]);
        assert_eq!(client_address(&message, peer, 0).to_string(), "10.0.0.1");
        assert_eq!(client_address(&message, peer, 1).to_string(), "2001:db8::1");
    }

    #[test]
    fn the_host_is_lower_case_without_port_and_trailing_dot() {
        let host = |uri: &str, lines: &[(&'static str, &str)]| {
            let mut request = http::Request::builder().uri(uri).body(()).unwrap();
            *request.headers_mut() = headers(lines);
            requested_host(&request.into_parts().0)
        };
        assert_eq!(
            host("/", &[("host", "Shop.Example.:8080")]).as_deref(),
            Some("shop.example")
        );
        assert_eq!(host("/", &[("host", "[::1]:80")]).as_deref(), Some("[::1]"));
        assert_eq!(
            host("http://a.b/", &[("host", "other")]).as_deref(),
            Some("a.b")
        );
        assert_eq!(host("/", &[]), None);
        assert_eq!(host("/", &[("host", "a"), ("host", "a")]), None);
        assert_eq!(host("/", &[("host", "a b")]), None);
    }
}
