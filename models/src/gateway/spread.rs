//! How the requests of an upstream spread: one balancer, or a cluster of them.

use std::error::Error;
use std::sync::Arc;

use rand_core::Rng;

use super::config::Upstream as Config;
use super::service::fork;
use super::suspects::Suspects;
use crate::balance::cluster::{Health, Host};
use crate::balance::{Balancer, Cluster, Endpoint, RoundRobin};

/// What picks among all endpoints of an upstream.
#[derive(Debug)]
pub(super) enum Spread {
    /// All endpoints are equal, and nobody is left out.
    Plain(Box<dyn Balancer>),
    /// There are priorities or zones, or endpoints that are left out.
    Cluster(Box<Cluster>),
}

/// The part of the configuration that is wrong, and what is.
type Problem = (&'static str, Box<dyn Error + Send + Sync>);

impl Spread {
    /// Without endpoints yet. An upstream is a cluster from the beginning if anything about it asks for
    /// one, so that no update has to change what it is.
    pub(super) fn new(
        config: &Config,
        suspects: Option<&Arc<Suspects>>,
        rng: &mut dyn Rng,
    ) -> Result<Self, Problem> {
        let policy = config.balance.policy();
        let policy = policy.map_err(|error| ("balance", error.into()))?;
        if suspects.is_none() && !config.is_clustered() {
            let balancer = policy.build(&[], fork(rng));
            return Ok(Self::Plain(
                balancer.map_err(|error| ("balance", error.into()))?,
            ));
        }
        let mut seeds = fork(rng);
        let place = move |endpoints: &[Endpoint]| {
            let built = policy.build(endpoints, fork(&mut seeds));
            // The policy was found to be valid above.
            built.unwrap_or_else(|_| Box::new(RoundRobin::new(endpoints)))
        };
        let cluster = Cluster::new(config.cluster.policy(), place, fork(rng));
        let cluster = cluster.map_err(|error| ("cluster", error.into()))?;
        let Some(suspects) = suspects.cloned() else {
            return Ok(Self::Cluster(Box::new(cluster)));
        };
        let judge = move |endpoint: &Arc<str>| match suspects.is_ejected(endpoint) {
            true => Health::Unhealthy,
            false => Health::Healthy,
        };
        Ok(Self::Cluster(Box::new(cluster.judged_by(judge))))
    }

    pub(super) fn balancer(&self) -> &dyn Balancer {
        match self {
            Self::Plain(balancer) => &**balancer,
            Self::Cluster(cluster) => &**cluster,
        }
    }

    /// Replaces the hosts; those that stay keep their load. An empty list was refused before.
    pub(super) fn update(&self, hosts: &[Host]) {
        match self {
            Self::Plain(balancer) => {
                let endpoints: Vec<_> = hosts.iter().map(|host| host.endpoint.clone()).collect();
                balancer.update(&endpoints);
            }
            // Empty it stays as it is, which is what an upstream wants, too.
            Self::Cluster(cluster) => drop(cluster.replace(hosts)),
        }
    }
}
