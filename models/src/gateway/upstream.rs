//! A set of equal endpoints: admission and pick in one step, over the endpoints that admit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use tokio::time::Instant;

use super::config::{InvalidConfig, Planted, Protocol, Upstream as Config};
use super::flight::Flight;
use super::observer::{BreakerChange, BreakerRejection};
use super::service::fork;
use super::{Observer, Refusal};
use crate::balance::{Balancer, Call, Endpoint, NoEndpoint};
use crate::breaker::{self, Breaker, Change, Rejected};
use crate::retry::TokenBudget;

/// An upstream with its state: load and breaker per endpoint, and what retries may still cost.
pub(super) struct Upstream {
    name: Arc<str>,
    config: Config,
    balancer: Box<dyn Balancer>,
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
        let endpoints = endpoints_of(&config.endpoints);
        let upstream = Self {
            name: name.into(),
            balancer: config.balance.policy().build(&endpoints, fork(rng)),
            breakers: Mutex::default(),
            budget: budget.map(Mutex::new),
            rng: Mutex::new(fork(rng)),
            observer,
            config,
        };
        let breakers = upstream.breakers_for(&endpoints);
        *lock(&upstream.breakers) = breakers.map_err(|error| invalid("breaker", &error))?;
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
        self.config
            == Config {
                endpoints,
                ..config.clone()
            }
    }

    /// Replaces the endpoints; those that stay keep load and breaker.
    pub(super) fn update(&self, endpoints: &[String]) -> Result<(), breaker::InvalidPolicy> {
        let endpoints = endpoints_of(endpoints);
        let breakers = self.breakers_for(&endpoints)?;
        // Breakers first: no endpoint can be picked before there is somebody to ask.
        *lock(&self.breakers) = breakers;
        self.balancer.update(&endpoints);
        Ok(())
    }

    fn breakers_for(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<Arc<BTreeMap<Arc<str>, Breaker>>, breaker::InvalidPolicy> {
        let Some(config) = &self.config.breaker else {
            return Ok(Arc::default());
        };
        let old = lock(&self.breakers).clone();
        let mut breakers = BTreeMap::new();
        for endpoint in endpoints.iter().map(|endpoint| &endpoint.name) {
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
        number: u32,
        trace: u128,
        planted: Planted,
    ) -> Result<Flight, Refusal> {
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
            eligible: &|endpoint| !tried.contains(endpoint),
            ..Call::default()
        };
        let again = Call {
            eligible: &|endpoint| tried.contains(endpoint),
            ..Call::default()
        };
        let picked = match self.balancer.pick(&fresh, &mut ask) {
            Err(NoEndpoint::NoneEligible { .. } | NoEndpoint::NoneAdmits { .. })
                if !tried.is_empty() =>
            {
                self.balancer.pick(&again, &mut ask)
            }
            picked => picked,
        };
        match picked {
            Ok(slot) => {
                let (observer, upstream) = (self.observer.clone(), self.name.clone());
                let named = (number, trace);
                Ok(Flight::new(
                    observer, upstream, named, permit, slot, planted,
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

fn endpoints_of(names: &[String]) -> Vec<Endpoint> {
    names.iter().map(|name| name.as_str().into()).collect()
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
