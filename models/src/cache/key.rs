//! What an answer is kept under: scheme, host, normalised path and query.

use http::Uri;

/// The primary key; `Vary` chooses among the answers under it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    scheme: String,
    host: String,
    target: String,
}

impl Key {
    /// A key; scheme and host are compared without case, the port of the scheme is no part of it. `path`
    /// has to be in normal form.
    pub fn new(scheme: &str, host: &str, path: &str, query: Option<&str>) -> Self {
        let scheme = scheme.to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let host = host.strip_suffix(usual).unwrap_or(&host).to_owned();
        let path = if path.is_empty() { "/" } else { path };
        let target = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        Self {
            scheme,
            host,
            target,
        }
    }

    /// Whether scheme and host are these, and path and query begin with this.
    pub(super) fn is_under(&self, prefix: &Self) -> bool {
        let same = self.scheme == prefix.scheme && self.host == prefix.host;
        same && self.target.starts_with(&prefix.target)
    }

    /// Where a `Location` of an answer to this key leads, if that is at the same origin.
    pub(super) fn beside(&self, location: &str) -> Option<Self> {
        let uri: Uri = location.parse().ok()?;
        let (path, query) = (uri.path(), uri.query());
        let found = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(host)) => Self::new(scheme, host.as_str(), path, query),
            (None, None) if path.starts_with('/') => {
                Self::new(&self.scheme, &self.host, path, query)
            }
            _ => return None,
        };
        (found.scheme == self.scheme && found.host == self.host).then_some(found)
    }

    pub(super) fn weight(&self) -> usize {
        self.scheme.len() + self.host.len() + self.target.len()
    }
}
