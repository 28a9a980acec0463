//! Redirects: the client is told to ask elsewhere.

use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};

use super::super::config::{self, PathRewrite};
use super::rewrite::rewritten;
use crate::http::{Body, empty};

/// Where a client is sent.
#[derive(Debug)]
pub(in crate::gateway) struct Redirect {
    scheme: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    path: Option<PathRewrite>,
    status: StatusCode,
}

/// What the client asked for.
pub(in crate::gateway) struct Asked<'a> {
    pub(in crate::gateway) scheme: &'a str,
    pub(in crate::gateway) host: &'a str,
    pub(in crate::gateway) port: Option<u16>,
    /// In its normal form.
    pub(in crate::gateway) path: &'a str,
    /// How many bytes of the path the route matched.
    pub(in crate::gateway) prefix: usize,
    pub(in crate::gateway) query: Option<&'a str>,
}

impl Redirect {
    pub(super) fn new(redirect: &config::Redirect) -> Self {
        Self {
            scheme: redirect.scheme.clone(),
            host: redirect.host.clone(),
            port: redirect.port,
            path: redirect.path.clone(),
            status: StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::FOUND),
        }
    }

    pub(in crate::gateway) fn response(&self, asked: &Asked<'_>) -> Response<Body> {
        let mut response = Response::new(empty());
        *response.status_mut() = self.status;
        if let Ok(location) = HeaderValue::try_from(self.location(asked)) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }

    fn location(&self, asked: &Asked<'_>) -> String {
        let scheme = self.scheme.as_deref().unwrap_or(asked.scheme);
        let host = self.host.as_deref().unwrap_or(asked.host);
        // Another scheme is spoken on its own port; the port of the request belongs to the old one.
        let asked_port = asked.port.filter(|_| self.scheme.is_none());
        let port = self
            .port
            .or(asked_port)
            .filter(|port| !is_usual(scheme, *port));
        let path = self.path.as_ref();
        let path = path.map(|rule| rewritten(rule, asked.path, asked.prefix));
        let mut location = format!("{scheme}://{host}");
        if let Some(port) = port {
            location += &format!(":{port}");
        }
        location += path.as_deref().unwrap_or(asked.path);
        if let Some(query) = asked.query {
            location += &format!("?{query}");
        }
        location
    }
}

fn is_usual(scheme: &str, port: u16) -> bool {
    matches!((scheme, port), ("http", 80) | ("https", 443))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(redirect: config::Redirect, port: Option<u16>) -> String {
        let asked = Asked {
            scheme: "http",
            host: "shop.example",
            port,
            path: "/old/a",
            prefix: 4,
            query: Some("q=1"),
        };
        Redirect::new(&redirect).location(&asked)
    }

    #[test]
    fn what_is_not_said_stays_and_usual_ports_are_left_out() {
        let to = config::Redirect::default;
        assert_eq!(
            location(to(), Some(8080)),
            "http://shop.example:8080/old/a?q=1"
        );
        let secure = config::Redirect {
            scheme: Some("https".into()),
            ..to()
        };
        assert_eq!(
            location(secure.clone(), Some(8080)),
            "https://shop.example/old/a?q=1"
        );
        let port = |port| config::Redirect {
            port: Some(port),
            ..secure.clone()
        };
        assert_eq!(location(port(443), None), "https://shop.example/old/a?q=1");
        assert_eq!(
            location(port(8443), None),
            "https://shop.example:8443/old/a?q=1"
        );
        let elsewhere = config::Redirect {
            host: Some("new.example".into()),
            path: Some(PathRewrite::Prefix("/new".into())),
            ..to()
        };
        assert_eq!(location(elsewhere, None), "http://new.example/new/a?q=1");
        let whole = config::Redirect {
            path: Some(PathRewrite::Full("/".into())),
            ..to()
        };
        assert_eq!(location(whole, Some(80)), "http://shop.example/?q=1");
    }
}
