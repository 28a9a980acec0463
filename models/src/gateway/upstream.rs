//! A set of equal endpoints: admission and pick in one step, over the endpoints that admit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use super::config::{Balance, Endpoint, InvalidConfig, Planted, Protocol, Upstream as Config};
use super::flight::Flight;
use super::observer::{BreakerChange, BreakerRejection};
use super::service::fork;
use super::spread::Spread;
use super::stick::Stickiness;
use super::suspects::Suspects;
use super::{Client, Observer, Refusal};
use crate::balance::cluster::Host;
use crate::balance::hashed::hashes;
use crate::balance::{Call, NoEndpoint};
use crate::breaker::{self, Breaker, Change, Rejected};
use crate::retry::TokenBudget;

/// An upstream with its state: load and breaker per endpoint, and what retries may still cost.
pub(super) struct Upstream {
    name: Arc<str>,
    config: Config,
    spread: Spread,
    /// What decides, for a balancer that keeps requests together.
    stickiness: Option<Stickiness>,
    /// None: nobody is left out.
    suspects: Option<Arc<Suspects>>,
    /// One per endpoint; empty if the upstream has none.
    breakers: Mutex<Arc<BTreeMap<Arc<str>, Breaker>>>,
    /// None: nobody counts.
    budget: Option<Mutex<TokenBudget>>,
    rng: Mutex<ChaCha8Rng>,
    observer: Arc<dyn Observer>,
}

impl Upstream {
    /// An upstream with closed breakers. Every chance in it has a generator of its own, seeded from `rng`.
    pub(super) fn new(
        name: &str,
        config: Config,
        rng: &mut dyn Rng,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, InvalidConfig> {
        let invalid = |part: &str, problem: &dyn std::fmt::Display| {
            InvalidConfig::of(format!("upstreams.{name}.{part}"), problem)
        };
        let budget = config.retry_budget.as_ref().map(|costs| {
            let (ttl, ratio) = (costs.ttl, costs.ratio);
            TokenBudget::new(ttl, costs.reserve_per_second, ratio, Instant::now())
        });
        let budget = budget.transpose();
        let budget = budget.map_err(|error| invalid("retry-budget", &error))?;
        let suspects = config.outliers.as_ref().map(|outliers| {
            let policy = outliers.policy();
            Suspects::new(name.into(), policy, fork(rng), observer.clone()).map(Arc::new)
        });
        let suspects = suspects.transpose();
        let suspects = suspects.map_err(|error| invalid("outliers", &error))?;
        let spread = Spread::new(&config, suspects.as_ref(), rng);
        let upstream = Self {
            name: name.into(),
            spread: spread.map_err(|(part, error)| invalid(part, &*error))?,
            stickiness: config.hash.as_ref().map(Stickiness::new),
            suspects,
            breakers: Mutex::default(),
            budget: budget.map(Mutex::new),
            rng: Mutex::new(fork(rng)),
            observer,
            config,
        };
        let updated = upstream.update(&upstream.config.endpoints);
        updated.map_err(|error| invalid("breaker", &error))?;
        Ok(upstream)
    }

    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) const fn protocol(&self) -> Protocol {
        self.config.protocol
    }

    /// Whether it would be the same with another list of endpoints.
    pub(super) fn can_become(&self, config: &Config) -> bool {
        let endpoints = self.config.endpoints.clone();
        let same = Config {
            endpoints,
            ..config.clone()
        };
        // A plain balancer knows no priorities: where some come or go, the upstream is another one.
        self.config == same && self.config.is_clustered() == config.is_clustered()
    }

    /// Replaces the endpoints; those that stay keep load, breaker and what is suspected of them.
    pub(super) fn update(&self, endpoints: &[Endpoint]) -> Result<(), breaker::InvalidPolicy> {
        let hosts: Vec<Host> = endpoints.iter().map(Endpoint::host).collect();
        let names: Vec<_> = hosts
            .iter()
            .map(|host| host.endpoint.name.clone())
            .collect();
        let breakers = self.breakers_for(&names)?;
        // Breakers first: no endpoint can be picked before there is somebody to ask.
        *lock(&self.breakers) = breakers;
        if let Some(suspects) = &self.suspects {
            suspects.update(&names);
        }
        self.spread.update(&hosts);
        Ok(())
    }

    /// The key of a request, if requests are kept together and it has one.
    pub(super) fn key(&self, headers: &HeaderMap, client: &Client) -> Option<u64> {
        let hash: fn(&[u8]) -> u64 = match self.config.balance {
            Balance::Ketama(_) => |value| hashes::crc32(value).into(),
            _ => xxh3_64,
        };
        let stickiness = self.stickiness.as_ref()?;
        stickiness.key(headers, client, hash)
    }

    fn breakers_for(
        &self,
        endpoints: &[Arc<str>],
    ) -> Result<Arc<BTreeMap<Arc<str>, Breaker>>, breaker::InvalidPolicy> {
        let Some(config) = &self.config.breaker else {
            return Ok(Arc::default());
        };
        let old = lock(&self.breakers).clone();
        let mut breakers = BTreeMap::new();
        for endpoint in endpoints {
            let breaker = match old.get(endpoint) {
                Some(known) => known.clone(),
                None => {
                    let watch = Watch {
                        observer: self.observer.clone(),
                        upstream: self.name.clone(),
                    };
                    let rng = fork(&mut *lock(&self.rng));
                    Breaker::new(endpoint.clone(), config.policy(), rng, Arc::new(watch))?
                }
            };
            breakers.insert(endpoint.clone(), breaker);
        }
        Ok(Arc::new(breakers))
    }

    /// What each endpoint has in flight.
    pub(super) fn loads(&self) -> Vec<(Arc<str>, usize)> {
        self.spread.balancer().loads()
    }

    /// The state of an endpoint's breaker, if it has one.
    pub(super) fn breaker_state(&self, endpoint: &str) -> Option<breaker::State> {
        let breakers = lock(&self.breakers).clone();
        breakers.get(endpoint).map(Breaker::state)
    }

    /// Whether an endpoint is left out.
    pub(super) fn is_ejected(&self, endpoint: &str) -> bool {
        let suspects = self.suspects.as_ref();
        suspects.is_some_and(|suspects| suspects.is_ejected(endpoint))
    }

    /// Counts a request, which pays a part of somebody's retry.
    pub(super) fn deposit(&self) {
        if let Some(budget) = &self.budget {
            lock(budget).deposit(Instant::now());
        }
    }

    /// Pays for a retry, if the budget has it or there is none.
    pub(super) fn withdraw(&self) -> bool {
        let budget = self.budget.as_ref();
        budget.is_none_or(|budget| lock(budget).withdraw(Instant::now()))
    }

    /// Picks an endpoint that admits, rather one that was not `tried` yet. The breaker is asked while
    /// the balancer picks: one that refuses costs no slot and no turn.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoEndpoint`] or [`Refusal::BreakerOpen`], with the shortest wait any of them knows.
    pub(super) fn pick(
        &self,
        tried: &[Arc<str>],
        key: Option<u64>,
        (number, trace): (u32, u128),
        planted: Planted,
    ) -> Result<Flight, Refusal> {
        if let Some(suspects) = &self.suspects {
            suspects.sweep();
        }
        let breakers = lock(&self.breakers).clone();
        let mut permit = None;
        let mut shortest: Option<Duration> = None;
        let mut ask = |endpoint: &Arc<str>| match breakers.get(endpoint).map(Breaker::admit) {
            None => true,
            Some(Ok(granted)) => {
                permit = Some(granted);
                true
            }
            Some(Err(rejected)) => {
                let known = wait(&rejected);
                shortest = shortest.into_iter().chain(known).min();
                false
            }
        };
        let fresh = Call {
            key,
            eligible: &|endpoint| !tried.contains(endpoint),
        };
        let again = Call {
            key,
            eligible: &|endpoint| tried.contains(endpoint),
        };
        let balancer = self.spread.balancer();
        let picked = match balancer.pick(&fresh, &mut ask) {
            Err(NoEndpoint::NoneEligible { .. } | NoEndpoint::NoneAdmits { .. })
                if !tried.is_empty() =>
            {
                balancer.pick(&again, &mut ask)
            }
            picked => picked,
        };
        match picked {
            Ok(slot) => {
                let (observer, upstream) = (self.observer.clone(), self.name.clone());
                let named = (number, trace);
                let suspects = self.suspects.clone();
                Ok(Flight::new(
                    (observer, suspects),
                    upstream,
                    named,
                    permit,
                    slot,
                    planted,
                ))
            }
            Err(NoEndpoint::Empty) => Err(Refusal::NoEndpoint),
            Err(NoEndpoint::NoneEligible { .. } | NoEndpoint::NoneAdmits { .. }) => {
                Err(Refusal::BreakerOpen {
                    retry_after: shortest,
                })
            }
        }
    }
}

/// A breaker still refuses at the very end of its wait; whoever comes back comes one tick later.
fn wait(rejected: &Rejected) -> Option<Duration> {
    rejected
        .retry_after()
        .map(|wait| wait.saturating_add(Duration::from_nanos(1)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes on what a breaker tells; a breaker bears its endpoint's name.
struct Watch {
    observer: Arc<dyn Observer>,
    upstream: Arc<str>,
}

impl breaker::Observer for Watch {
    fn changed(&self, name: &str, change: &Change) {
        self.observer.breaker(&BreakerChange {
            upstream: &self.upstream,
            endpoint: name,
            from: change.from,
            to: change.to,
            at: change.at,
        });
    }

    fn rejected(&self, name: &str, rejected: &Rejected) {
        self.observer.rejected(&BreakerRejection {
            upstream: &self.upstream,
            endpoint: name,
            rejected: *rejected,
        });
    }
}
