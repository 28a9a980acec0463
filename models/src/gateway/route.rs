//! Routes, compiled from their configuration.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode};

use super::DeadlineCovers;
use super::config::{Config, Match, PathMatch, Route as RouteConfig};
use super::identity::KeySet;
use super::limits::ClientLimit;
use super::table::{Entry, PathRule, Rule, Table};
use super::upstream::Upstream;
use crate::limit::InvalidQuota;
use crate::retry;

/// One route, compiled.
pub(super) struct Route {
    pub(super) name: Arc<str>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) deadline: Duration,
    pub(super) covers: DeadlineCovers,
    pub(super) limit: Option<Arc<ClientLimit>>,
    pub(super) keys: Option<KeySet>,
    pub(super) retry: Option<retry::Policy>,
    pub(super) per_try_timeout: Option<Duration>,
}

impl Route {
    /// Compiles a route of a validated configuration; a limit that did not change is kept from `old`.
    pub(super) fn new(
        config: &Config,
        route: &RouteConfig,
        upstream: Arc<Upstream>,
        old: Option<&Self>,
    ) -> Result<Self, InvalidQuota> {
        let old_limit = old.and_then(|old| old.limit.clone());
        let limit = route.limit.as_ref();
        let limit = limit.map(|limit| ClientLimit::keep(old_limit, limit));
        let keys = route.keys.as_ref().and_then(|set| config.keys.get(set));
        let retry = route.retry.as_ref();
        Ok(Self {
            name: route.name.as_str().into(),
            upstream,
            deadline: route.deadline.unwrap_or(config.deadline),
            covers: route.deadline_covers,
            limit: limit.transpose()?,
            keys: keys.map(KeySet::new),
            retry: retry.map(|retry| retry.policy()),
            per_try_timeout: retry.and_then(|retry| retry.per_try_timeout),
        })
    }

    /// Whether an answer of this status is worth another attempt.
    pub(super) fn repeats(&self, status: StatusCode) -> bool {
        let retry = self.retry.as_ref();
        retry.is_some_and(|retry| retry.statuses.contains(&status))
    }
}

/// The table over all routes; it answers with positions in the configuration's list.
pub(super) fn table(routes: &[RouteConfig]) -> Table {
    let hosts: Vec<Vec<String>> = routes.iter().map(hosts).collect();
    let entries: Vec<_> = routes.iter().zip(&hosts).map(entry).collect();
    Table::new(&entries)
}

/// A name that validation has seen; any other would only ever match nothing.
pub(super) fn header(name: &str) -> HeaderName {
    HeaderName::try_from(name).unwrap_or(HeaderName::from_static("x-invalid"))
}

fn hosts(route: &RouteConfig) -> Vec<String> {
    let hosts = route.hosts.iter();
    hosts.map(|host| host.to_ascii_lowercase()).collect()
}

fn entry<'a>((route, hosts): (&'a RouteConfig, &'a Vec<String>)) -> Entry<'a> {
    let rules = if route.matches.is_empty() {
        vec![rule(&Match::default())]
    } else {
        route.matches.iter().map(rule).collect()
    };
    Entry {
        name: &route.name,
        hosts,
        rules,
        created: route.created,
    }
}

fn rule(matching: &Match) -> Rule {
    let path = match &matching.path {
        None => PathRule::prefix("/"),
        Some(PathMatch::Exact(path)) => PathRule::Exact(path.clone()),
        Some(PathMatch::Prefix(path)) => PathRule::prefix(path),
    };
    let method = matching.method.as_ref();
    let (headers, query) = (matching.headers.iter(), matching.query.iter());
    Rule {
        path,
        method: method.and_then(|method| Method::from_bytes(method.as_bytes()).ok()),
        headers: headers
            .map(|(name, value)| (header(name), value.clone()))
            .collect(),
        query: query
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    }
}
