//! The routing table: which route a request belongs to, by the precedence of the Gateway API.
//!
//! Among the routes of the best-matching host (exact before wildcard, longer wildcard first, then
//! routes without a host): exact path, longest path prefix in characters, method, most header
//! matches, most query matches, oldest route, name, position. The order is fixed when the table is
//! built; a look-up takes the first rule that fits.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, Method};

use super::path::decode_component;

/// How a rule compares the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathRule {
    /// The whole path.
    Exact(String),
    /// Whole segments at the front; without trailing slash, so the root is empty.
    Prefix(String),
}

impl PathRule {
    pub(super) fn prefix(path: &str) -> Self {
        Self::Prefix(path.trim_end_matches('/').to_owned())
    }

    fn fits(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path
                .strip_prefix(&**prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }
}

/// One alternative of a route.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) path: PathRule,
    pub(super) method: Option<Method>,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) query: Vec<(String, String)>,
}

impl Rule {
    fn fits(&self, request: &Question<'_>) -> bool {
        self.path.fits(request.path)
            && self
                .method
                .as_ref()
                .is_none_or(|method| method == request.method)
            && self.headers.iter().all(|(name, value)| {
                request
                    .headers
                    .get_all(name)
                    .iter()
                    .any(|found| found == value.as_str())
            })
            && self.query.iter().all(|(name, value)| {
                // The first occurrence of a parameter decides, as services read it.
                let mut pairs = pairs(request.query);
                pairs
                    .find(|(found, _)| found == name)
                    .is_some_and(|(_, found)| found == *value)
            })
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_component(name), decode_component(value))
        })
}

/// What a look-up sees of a request: everything in its normal form.
pub(super) struct Question<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
}

/// What the table needs to know of a route.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// Lower case, without port and trailing dot; `*.` in front for a wildcard; none for any host.
    pub(super) hosts: &'a [String],
    pub(super) rules: Vec<Rule>,
    pub(super) created: Option<u64>,
}

type Ranked = Vec<(Rule, usize)>;

/// Rules in order of precedence, by host.
#[derive(Debug, Default)]
pub(super) struct Table {
    exact: BTreeMap<String, Ranked>,
    /// Suffixes with their leading dot, longest first.
    wildcard: Vec<(String, Ranked)>,
    any: Ranked,
}

impl Table {
    /// Builds the table; a look-up answers with the position of an entry.
    pub(super) fn new(entries: &[Entry<'_>]) -> Self {
        let mut by_host: BTreeMap<Option<&str>, Ranked> = BTreeMap::new();
        for (position, entry) in entries.iter().enumerate() {
            for rule in &entry.rules {
                let hosts = entry.hosts.iter().map(|host| Some(&**host));
                let hosts: Vec<_> = if entry.hosts.is_empty() {
                    vec![None]
                } else {
                    hosts.collect()
                };
                for host in hosts {
                    by_host
                        .entry(host)
                        .or_default()
                        .push((rule.clone(), position));
                }
            }
        }
        let mut table = Self::default();
        for (host, mut ranked) in by_host {
            ranked.sort_by(|a, b| rank(a, entries).cmp(&rank(b, entries)));
            match host {
                None => table.any = ranked,
                Some(host) => match host.strip_prefix('*') {
                    Some(suffix) => table.wildcard.push((suffix.to_owned(), ranked)),
                    None => drop(table.exact.insert(host.to_owned(), ranked)),
                },
            }
        }
        table
            .wildcard
            .sort_by_key(|(suffix, _)| Reverse(suffix.len()));
        table
    }

    /// The position of the entry the request belongs to.
    pub(super) fn find(&self, request: &Question<'_>) -> Option<usize> {
        let rules = self.rules_for(request.host);
        rules
            .iter()
            .find(|(rule, _)| rule.fits(request))
            .map(|(_, position)| *position)
    }

    fn rules_for(&self, host: &str) -> &Ranked {
        if let Some(rules) = self.exact.get(host) {
            return rules;
        }
        let wild = self.wildcard.iter().find(|(suffix, _)| {
            // At least one character has to stand for the star.
            host.len() > suffix.len() && host.ends_with(&**suffix)
        });
        wild.map_or(&self.any, |(_, rules)| rules)
    }
}

/// Smaller comes first. Oldest before younger before unknown age.
fn rank<'a>(rule: &'a (Rule, usize), entries: &'a [Entry<'_>]) -> impl Ord + use<'a> {
    let (rule, position) = rule;
    let entry = &entries[*position];
    let (inexact, length) = match &rule.path {
        PathRule::Exact(_) => (false, 0),
        PathRule::Prefix(prefix) => (true, prefix.chars().count()),
    };
    (
        (inexact, Reverse(length)),
        Reverse(rule.method.is_some()),
        Reverse(rule.headers.len()),
        Reverse(rule.query.len()),
        (entry.created.is_none(), entry.created),
        entry.name,
        *position,
    )
}

#[cfg(test)]
mod tests;
