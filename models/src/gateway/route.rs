//! Routes, compiled from their configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode};
use rand_core::Rng;

use super::DeadlineCovers;
use super::action::{Action, HeaderChanges, Mirror, Rewrite, Upstreams};
use super::config::{Config, InvalidConfig, Match, PathMatch, Route as RouteConfig, Upgrade};
use super::identity::KeySet;
use super::limits::ClientLimit;
use super::table::{Entry, PathRule, Pattern, Rule, Table};
use crate::retry;

/// One route, compiled.
pub(super) struct Route {
    pub(super) name: Arc<str>,
    pub(super) action: Action,
    pub(super) mirrors: Vec<Arc<Mirror>>,
    pub(super) rewrite: Rewrite,
    pub(super) upgrade: Option<Upgrade>,
    pub(super) request_headers: HeaderChanges,
    pub(super) response_headers: HeaderChanges,
    pub(super) deadline: Duration,
    pub(super) covers: DeadlineCovers,
    pub(super) limit: Option<Arc<ClientLimit>>,
    pub(super) keys: Option<KeySet>,
    pub(super) retry: Option<retry::Policy>,
    pub(super) per_try_timeout: Option<Duration>,
}

impl Route {
    /// Compiles the route `field` of a validated configuration; a limit that did not change is kept from
    /// `old`. `rng` draws where shares begin to be dealt out.
    pub(super) fn new(
        config: &Config,
        (field, route): (&str, &RouteConfig),
        upstreams: &Upstreams,
        old: Option<&Self>,
        rng: &mut dyn Rng,
    ) -> Result<Self, InvalidConfig> {
        let old_limit = old.and_then(|old| old.limit.clone());
        let limit = route.limit.as_ref();
        let limit = limit.map(|limit| ClientLimit::keep(old_limit, limit));
        let limit = limit.transpose();
        let limit = limit.map_err(|error| InvalidConfig::of(format!("{field}.limit"), error))?;
        let nowhere = || InvalidConfig::of(field, "leads to no upstream");
        let mut seed = |needed: bool| if needed { rng.next_u64() } else { 0 };
        let action = route.action().ok_or_else(nowhere)?;
        let action = Action::new(action, upstreams, seed(route.split.is_some()));
        let mirrors = route.mirror.iter();
        let mirrors =
            mirrors.map(|mirror| Mirror::new(mirror, upstreams, seed(true)).map(Arc::new));
        let keys = route.keys.as_ref().and_then(|set| config.keys.get(set));
        let retry = route.retry.as_ref();
        Ok(Self {
            name: route.name.as_str().into(),
            action: action.ok_or_else(nowhere)?,
            mirrors: mirrors.collect::<Option<_>>().ok_or_else(nowhere)?,
            rewrite: route.rewrite.as_ref().map(Rewrite::new).unwrap_or_default(),
            upgrade: route.upgrade.clone(),
            request_headers: HeaderChanges::new(&route.request_headers),
            response_headers: HeaderChanges::new(&route.response_headers),
            deadline: route.deadline.unwrap_or(config.deadline),
            covers: route.deadline_covers,
            limit,
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
        Some(PathMatch::Regex(pattern)) => PathRule::Regex(Pattern::regex(pattern)),
    };
    let method = matching.method.as_ref();
    let headers = with_patterns(&matching.headers, &matching.header_patterns);
    Rule {
        path,
        method: method.and_then(|method| Method::from_bytes(method.as_bytes()).ok()),
        headers: headers
            .map(|(name, pattern)| (header(name), pattern))
            .collect(),
        query: with_patterns(&matching.query, &matching.query_patterns)
            .map(|(name, pattern)| (name.to_owned(), pattern))
            .collect(),
    }
}

fn with_patterns<'a>(
    values: &'a BTreeMap<String, String>,
    patterns: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a str, Pattern)> {
    let values = values.iter();
    let values = values.map(|(name, value)| (name.as_str(), Pattern::Exact(value.clone())));
    let patterns = patterns.iter();
    values.chain(patterns.map(|(name, regex)| (name.as_str(), Pattern::regex(regex))))
}
