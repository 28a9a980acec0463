//! Another host or path for the way on.

use http::header::HOST;
use http::{HeaderMap, HeaderValue};

use super::super::config::{self, PathRewrite};

/// What the endpoint is asked for instead.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Rewrite {
    host: Option<HeaderValue>,
    path: Option<PathRewrite>,
}

impl Rewrite {
    pub(in crate::gateway) fn new(rewrite: &config::Rewrite) -> Self {
        let host = rewrite.host.as_deref();
        Self {
            host: host.and_then(|host| HeaderValue::try_from(host).ok()),
            path: rewrite.path.clone(),
        }
    }

    /// The path to ask for instead of `path`, of which the route matched the first `prefix` bytes.
    pub(in crate::gateway) fn path(&self, path: &str, prefix: usize) -> Option<String> {
        self.path.as_ref().map(|rule| rewritten(rule, path, prefix))
    }

    pub(in crate::gateway) fn host(&self, headers: &mut HeaderMap) {
        if let Some(host) = &self.host {
            headers.insert(HOST, host.clone());
        }
    }
}

/// `path` by `rule`; `prefix` is how many bytes of it the route matched, without a trailing slash.
pub(super) fn rewritten(rule: &PathRewrite, path: &str, prefix: usize) -> String {
    match rule {
        PathRewrite::Full(full) => full.clone(),
        PathRewrite::Prefix(other) => {
            let rest = path.get(prefix..).unwrap_or_default();
            let whole = format!("{}{rest}", other.trim_end_matches('/'));
            if whole.is_empty() { "/".into() } else { whole }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the Gateway API for `ReplacePrefixMatch`: request path, matched prefix, replacement,
    /// result.
    #[test]
    fn a_prefix_is_replaced_as_the_gateway_api_has_it() {
        for (path, matched, other, expected) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "/", "/bar"),
            ("/foo", "/foo", "/", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/a/b", "", "/v1", "/v1/a/b"),
        ] {
            let rule = PathRewrite::Prefix(other.to_owned());
            assert_eq!(
                rewritten(&rule, path, matched.len()),
                expected,
                "{path} {other}"
            );
        }
    }
}
