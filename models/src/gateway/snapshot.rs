//! One whole state of the routes: a request takes it once and keeps it to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode};
use rand_core::Rng;

use super::config::{Config, Match, PathMatch, Route as RouteConfig};
use super::identity::{Identification, KeySet};
use super::limits::ClientLimit;
use super::table::{Entry, PathRule, Rule, Table};
use super::upstream::Upstream;
use super::{DeadlineCovers, Observer, Retry};

/// A validated configuration, compiled.
pub(super) struct Snapshot {
    pub(super) config: Config,
    pub(super) identification: Identification,
    pub(super) limit: Option<Arc<ClientLimit>>,
    pub(super) key_header: HeaderName,
    /// Removed from every request on arrival.
    pub(super) internal: Vec<HeaderName>,
    /// Not to be nominated away.
    pub(super) protected: Vec<HeaderName>,
    pub(super) upstreams: BTreeMap<String, Arc<Upstream>>,
    table: Table,
    routes: Vec<Arc<Route>>,
}

/// One route, compiled.
pub(super) struct Route {
    pub(super) name: Arc<str>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) deadline: Duration,
    pub(super) covers: DeadlineCovers,
    pub(super) limit: Option<Arc<ClientLimit>>,
    pub(super) keys: Option<KeySet>,
    pub(super) retry: Option<Retry>,
    retry_statuses: Vec<StatusCode>,
}

impl Route {
    /// Whether an answer of this status is worth another attempt.
    pub(super) fn repeats(&self, status: StatusCode) -> bool {
        self.retry_statuses.contains(&status)
    }
}

impl Snapshot {
    /// Compiles a validated configuration. Upstreams and limits that did not change keep their
    /// state from `old`.
    pub(super) fn new(
        config: Config,
        old: Option<&Self>,
        rng: &mut dyn Rng,
        observer: &Arc<dyn Observer>,
    ) -> Self {
        let mut upstreams = BTreeMap::new();
        for (name, policy) in &config.upstreams {
            let kept = old.and_then(|old| old.upstreams.get(name));
            let kept = kept.filter(|upstream| upstream.can_become(policy)).cloned();
            let upstream = match kept {
                Some(upstream) => {
                    upstream.update(&policy.endpoints);
                    upstream
                }
                None => Arc::new(Upstream::new(name, policy.clone(), rng, observer.clone())),
            };
            upstreams.insert(name.clone(), upstream);
        }
        let compile = |route: &RouteConfig| {
            let upstream = upstreams.get(&route.upstream)?.clone();
            Some(Arc::new(compile_route(&config, route, upstream, old)))
        };
        // A validated configuration names known upstreams only, so that no position shifts here.
        let routes: Vec<_> = config.routes.iter().filter_map(compile).collect();
        let hosts: Vec<Vec<String>> = config.routes.iter().map(hosts).collect();
        let entries: Vec<_> = config.routes.iter().zip(&hosts).map(entry).collect();
        let table = Table::new(&entries);
        let key_header = header(&config.key_header);
        let mut protected = vec![key_header.clone()];
        if let super::config::Identity::Header(name) = &config.identity {
            protected.push(header(name));
        }
        let old_limit = old.and_then(|old| old.limit.clone());
        Self {
            identification: Identification::new(&config),
            limit: config
                .limit
                .as_ref()
                .map(|limit| ClientLimit::keep(old_limit, limit)),
            internal: config
                .internal_headers
                .iter()
                .map(|name| header(name))
                .collect(),
            key_header,
            protected,
            upstreams,
            table,
            routes,
            config,
        }
    }

    /// The route of a request.
    pub(super) fn route(
        &self,
        host: &str,
        path: &str,
        head: &http::request::Parts,
    ) -> Option<&Arc<Route>> {
        let query = head.uri.query().unwrap_or_default();
        let (method, headers) = (&head.method, &head.headers);
        let question = super::table::Question {
            host,
            path,
            query,
            method,
            headers,
        };
        self.routes.get(self.table.find(&question)?)
    }
}

/// A name that validation has seen; any other would only ever match nothing.
fn header(name: &str) -> HeaderName {
    HeaderName::try_from(name).unwrap_or(HeaderName::from_static("x-invalid"))
}

fn compile_route(
    config: &Config,
    route: &RouteConfig,
    upstream: Arc<Upstream>,
    old: Option<&Snapshot>,
) -> Route {
    let statuses = route.retry.iter().flat_map(|retry| &retry.statuses);
    let before = old.and_then(|old| old.routes.iter().find(|old| *old.name == *route.name));
    let old_limit = before.and_then(|before| before.limit.clone());
    Route {
        name: route.name.as_str().into(),
        upstream,
        deadline: route.deadline.unwrap_or(config.deadline),
        covers: route.deadline_covers,
        limit: route
            .limit
            .as_ref()
            .map(|limit| ClientLimit::keep(old_limit, limit)),
        keys: route
            .keys
            .as_ref()
            .and_then(|set| config.keys.get(set))
            .map(KeySet::new),
        retry: route.retry.clone().filter(|retry| retry.attempts > 1),
        retry_statuses: statuses
            .filter_map(|code| StatusCode::from_u16(*code).ok())
            .collect(),
    }
}

fn hosts(route: &RouteConfig) -> Vec<String> {
    route
        .hosts
        .iter()
        .map(|host| host.to_ascii_lowercase())
        .collect()
}

fn entry<'a>((route, hosts): (&'a RouteConfig, &'a Vec<String>)) -> Entry<'a> {
    let everything = [Match::default()];
    let matches = if route.matches.is_empty() {
        &everything[..]
    } else {
        &route.matches
    };
    let rules = matches.iter().map(rule).collect();
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
    Rule {
        path,
        method: method.and_then(|method| Method::from_bytes(method.as_bytes()).ok()),
        headers: matching
            .headers
            .iter()
            .map(|(name, value)| (header(name), value.clone()))
            .collect(),
        query: matching
            .query
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    }
}
