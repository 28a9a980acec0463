//! One whole state of the routes: a request takes it once and keeps it to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderName;
use rand_core::Rng;

use super::Observer;
use super::action::Upstreams;
use super::config::{Config, Identity, InvalidConfig};
use super::filter::{Installation, Registry};
use super::hops::Via;
use super::identity::Identification;
use super::limits::ClientLimit;
use super::route::{self, Route, header};
use super::secure::{SecureClients, Vault};
use super::table::{Question, Table};
use super::transcode::Transcoders;
use super::upstream::Upstream;
use crate::trace::Sampler;

/// A validated configuration, compiled.
pub(super) struct Snapshot {
    pub(super) config: Config,
    pub(super) identification: Identification,
    pub(super) limit: Option<Arc<ClientLimit>>,
    pub(super) via: Via,
    pub(super) key_header: HeaderName,
    /// Removed from every request on arrival.
    pub(super) internal: Vec<HeaderName>,
    /// Not to be nominated away.
    pub(super) protected: Vec<HeaderName>,
    pub(super) upstreams: Upstreams,
    /// Decides which traces that begin here are recorded.
    pub(super) sampler: Sampler,
    /// Clients of the upstreams that have one of their own.
    pub(super) secure: SecureClients,
    pub(super) filters: Installation,
    pub(super) transcoders: Transcoders,
    table: Table,
    routes: Vec<Arc<Route>>,
}

impl Snapshot {
    /// Compiles a validated configuration. Upstreams and limits that did not change keep their
    /// state from `old`, which is untouched if this fails.
    pub(super) fn new(
        config: Config,
        old: Option<&Self>,
        rng: &mut dyn Rng,
        observer: &Arc<dyn Observer>,
        (vault, registry): (&dyn Vault, &Registry),
    ) -> Result<Self, InvalidConfig> {
        let secure = SecureClients::new(&config, vault, observer)?;
        let filters = Installation::new(&config, registry, old.map(|old| &old.filters))?;
        let transcoders = Transcoders::new(&config, vault)?;
        let mut upstreams = BTreeMap::new();
        for (name, policy) in &config.upstreams {
            let kept = old.and_then(|old| old.upstreams.get(name));
            let upstream = match kept.filter(|upstream| upstream.can_become(policy)) {
                Some(upstream) => upstream.clone(),
                None => Arc::new(Upstream::new(name, policy.clone(), rng, observer.clone())?),
            };
            upstreams.insert(name.clone(), upstream);
        }
        let routes = compile(&config, &upstreams, old, rng)?;
        let old_limit = old.and_then(|old| old.limit.clone());
        let limit = config.limit.as_ref();
        let limit = limit
            .map(|limit| ClientLimit::keep(old_limit, limit))
            .transpose();
        let limit = limit.map_err(|error| InvalidConfig::of("limit", error))?;
        let sampler = Sampler::of(config.trace_share);
        let sampler = sampler.map_err(|error| InvalidConfig::of("trace-share", error))?;
        let key_header = header(&config.key_header);
        let mut protected = vec![key_header.clone()];
        if let Identity::Header(name) = &config.identity {
            protected.push(header(name));
        }
        for (name, policy) in &config.upstreams {
            let updated = upstreams[name].update(&policy.endpoints);
            updated.map_err(|error| InvalidConfig::of(format!("upstreams.{name}"), error))?;
        }
        Ok(Self {
            identification: Identification::new(&config),
            limit,
            via: Via::new(&config.name),
            key_header,
            internal: config
                .internal_headers
                .iter()
                .map(|name| header(name))
                .collect(),
            protected,
            upstreams,
            sampler,
            secure,
            filters,
            transcoders,
            table: route::table(&config.routes),
            routes,
            config,
        })
    }

    /// The route of a request, and how many bytes of its path the route matched as a prefix.
    pub(super) fn route(
        &self,
        host: &str,
        path: &str,
        head: &http::request::Parts,
    ) -> Option<(&Arc<Route>, usize)> {
        let question = Question {
            host,
            path,
            query: head.uri.query().unwrap_or_default(),
            method: &head.method,
            headers: &head.headers,
        };
        let found = self.table.find(&question)?;
        Some((self.routes.get(found.entry)?, found.prefix))
    }
}

fn compile(
    config: &Config,
    upstreams: &Upstreams,
    old: Option<&Snapshot>,
    rng: &mut dyn Rng,
) -> Result<Vec<Arc<Route>>, InvalidConfig> {
    let mut routes = Vec::with_capacity(config.routes.len());
    for (position, route) in config.routes.iter().enumerate() {
        let field = format!("routes[{position}]");
        let before = old.and_then(|old| old.routes.iter().find(|old| *old.name == *route.name));
        let before = before.map(|old| &**old);
        let compiled = Route::new(config, (&field, route), upstreams, before, rng)?;
        routes.push(Arc::new(compiled));
    }
    Ok(routes)
}
