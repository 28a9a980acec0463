//! The filters of one configuration, and which routes have which.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Response, request};

use super::{Chain, Installed, Registry};
use crate::gateway::Refusal;
use crate::gateway::config::{Action, Config, InvalidConfig, Problem};
use crate::http::Body;

/// All filters of a snapshot.
#[derive(Default)]
pub(in crate::gateway) struct Installation {
    filters: BTreeMap<String, Arc<Installed>>,
    /// By route; routes without filters have none.
    chains: BTreeMap<String, Chain>,
}

impl Installation {
    /// Makes the filters of a validated configuration; those that did not change are those of `old`, with
    /// all they keep.
    ///
    /// # Errors
    ///
    /// Every filter whose kind is unknown or whose settings are wrong.
    pub(in crate::gateway) fn new(
        config: &Config,
        registry: &Registry,
        old: Option<&Self>,
    ) -> Result<Self, InvalidConfig> {
        let mut filters = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, settings) in &config.filters {
            let old = old.and_then(|old| old.filters.get(name));
            match Installed::new(name, settings, registry, old) {
                Ok(installed) => {
                    filters.insert(name.clone(), installed);
                }
                Err((key, problem)) => problems.push(Problem {
                    field: format!("filters.{name}.{key}"),
                    problem,
                }),
            }
        }
        if !problems.is_empty() {
            return Err(InvalidConfig { problems });
        }
        let mut chains = BTreeMap::new();
        for route in &config.routes {
            if !matches!(route.action(), Some(Action::Upstream(_) | Action::Split(_))) {
                continue;
            }
            let names = config.common_filters.iter().chain(&route.filters);
            let found: Vec<_> = names
                .filter_map(|name| filters.get(name).cloned())
                .collect();
            if !found.is_empty() {
                chains.insert(route.name.clone(), Chain::new(found));
            }
        }
        Ok(Self { filters, chains })
    }

    /// The filters of a route.
    pub(in crate::gateway) fn of(&self, route: &str) -> Option<&Chain> {
        self.chains.get(route)
    }

    /// What a filter of the route answers before anybody is authenticated.
    pub(in crate::gateway) fn preflight(
        &self,
        route: &str,
        head: &request::Parts,
    ) -> Option<Result<Response<Body>, Refusal>> {
        self.of(route)?.preflight(head)
    }
}
