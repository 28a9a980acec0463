//! The routing table: which route a request belongs to, by the precedence of the Gateway API.
//!
//! Among the routes of the best-matching host (exact before wildcard, longer wildcard first, then
//! routes without a host): exact path, regular expression (which that API leaves open; the longer one
//! first), longest path prefix in characters, method, most header matches, most query matches, oldest
//! route, name, position. The order is fixed when the table is
//! built; a look-up takes the first rule that fits.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, Method};
use regex_lite::Regex;

use super::path::decode_component;

/// How a rule compares the path.
#[derive(Clone, Debug)]
pub(super) enum PathRule {
    /// The whole path.
    Exact(String),
    /// Whole segments at the front; without trailing slash, so the root is empty.
    Prefix(String),
    /// The whole path fits.
    Regex(Pattern),
}

/// How a value is compared.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// The very value.
    Exact(String),
    /// A regular expression that the whole value fits.
    Regex(Regex),
}

impl Pattern {
    /// The pattern of an expression that validation has seen; any other would fit nothing but itself.
    pub(super) fn regex(expression: &str) -> Self {
        match whole(expression) {
            Ok(regex) => Self::Regex(regex),
            Err(_) => Self::Exact(expression.to_owned()),
        }
    }

    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Exact(exact) => value == exact,
            Self::Regex(regex) => regex.is_match(value),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Exact(text) => text.len(),
            Self::Regex(regex) => regex.as_str().len(),
        }
    }
}

/// An expression that has to fit from the first to the last character.
pub(super) fn whole(expression: &str) -> Result<Regex, regex_lite::Error> {
    // On its own first: brackets around it could make a valid one of two halves.
    Regex::new(expression)?;
    Regex::new(&format!("^(?:{expression})$"))
}

impl PathRule {
    pub(super) fn prefix(path: &str) -> Self {
        Self::Prefix(path.trim_end_matches('/').to_owned())
    }

    fn fits(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Regex(pattern) => pattern.fits(path),
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
    pub(super) headers: Vec<(HeaderName, Pattern)>,
    pub(super) query: Vec<(String, Pattern)>,
}

impl Rule {
    fn fits(&self, request: &Question<'_>) -> bool {
        self.path.fits(request.path)
            && self
                .method
                .as_ref()
                .is_none_or(|method| method == request.method)
            && self.headers.iter().all(|(name, pattern)| {
                let found = request.headers.get_all(name).iter();
                let mut texts =
                    found.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
                texts.any(|text| pattern.fits(text))
            })
            && self.query.iter().all(|(name, pattern)| {
                // The first occurrence of a parameter decides, as services read it.
                let mut pairs = pairs(request.query);
                pairs
                    .find(|(found, _)| found == name)
                    .is_some_and(|(_, found)| pattern.fits(&found))
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

/// What a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The position of the entry.
    pub(super) entry: usize,
    /// How many bytes of the path it matched as a prefix, without a trailing slash; 0 if by other means.
    pub(super) prefix: usize,
}

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

    /// The entry the request belongs to.
    pub(super) fn find(&self, request: &Question<'_>) -> Option<Found> {
        let mut rules = self.rules_for(request.host).iter();
        let (rule, entry) = rules.find(|(rule, _)| rule.fits(request))?;
        let prefix = match &rule.path {
            PathRule::Prefix(prefix) => prefix.len(),
            PathRule::Exact(_) | PathRule::Regex(_) => 0,
        };
        Some(Found {
            entry: *entry,
            prefix,
        })
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
    let path = match &rule.path {
        PathRule::Exact(_) => (0, Reverse(0)),
        PathRule::Regex(pattern) => (1, Reverse(pattern.len())),
        PathRule::Prefix(prefix) => (2, Reverse(prefix.chars().count())),
    };
    (
        path,
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
