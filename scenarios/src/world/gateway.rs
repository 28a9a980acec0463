//! Gateways of a scenario.

use super::{invalid, policies};
use crate::{
    apps::Place,
    format::{Scenario, Service},
    hooks::Hooks,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{collections::BTreeMap, io};
use windtunnel_models::gateway::{
    Gateway,
    config::{Config, Match, PathMatch, Route},
};

/// The settings of a gateway that a scenario describes.
pub fn config(
    scenario: &Scenario,
    name: &str,
    service: &Service,
    addresses: &BTreeMap<String, Vec<String>>,
) -> Config {
    let mut config = Config {
        name: name.into(),
        ..Config::default()
    };
    for (number, route) in service.routes.iter().enumerate() {
        let upstream = format!("{}-{number}", route.to);
        let names = policies::Names {
            retry: route.retry.as_deref(),
            breaker: route.breaker.as_deref(),
            balancer: route.balancer.as_deref(),
        };
        let endpoints = policies::upstream(scenario, &route.to, names, addresses);
        config.upstreams.insert(upstream.clone(), endpoints);
        let path = match (&route.path_exact, &route.path_prefix) {
            (Some(exact), _) => Some(PathMatch::Exact(exact.clone())),
            (None, Some(prefix)) => Some(PathMatch::Prefix(prefix.clone())),
            (None, None) => None,
        };
        let matches = vec![Match {
            path,
            method: route.method.clone(),
            ..Match::default()
        }];
        config.routes.push(Route {
            hosts: route.host.iter().cloned().collect(),
            matches,
            deadline: Some(route.deadline.into()),
            limit: policies::limit(scenario, route.rate_limit.as_deref()),
            retry: policies::retry(scenario, route.retry.as_deref()),
            ..Route::to(upstream.clone(), upstream)
        });
    }
    config
}

/// A gateway at its place.
///
/// # Errors
/// If the settings cannot work.
pub fn open(at: &Place, config: Config) -> io::Result<Gateway> {
    let hooks = Hooks::new(&at.name, "gateway");
    let rng = ChaCha8Rng::seed_from_u64(at.seed);
    Gateway::new(config, rng, hooks).map_err(invalid)
}
