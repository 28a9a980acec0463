//! How a cluster stands at one moment: the health of all its hosts, asked once, and what follows from it.

use std::sync::Arc;

use super::membership::{Cell, Membership, Position, Tier};
use super::priority::{Shares, Tally};
use super::zone::{Route, ZonePolicy};
use super::{Health, Policy};

/// Says how an endpoint is.
pub(super) type Judge = dyn Fn(&Arc<str>) -> Health + Send + Sync;

/// All that one pick decides by; so it cannot change in the middle of it.
pub(super) struct Survey<'a> {
    members: &'a Membership,
    health: Vec<Health>,
    tallies: Vec<Tally>,
    pub(super) shares: Shares,
}

impl<'a> Survey<'a> {
    pub(super) fn new(members: &'a Membership, policy: &Policy, judge: &Judge) -> Self {
        let health: Vec<_> = members.names.iter().map(judge).collect();
        let tally = |tier: &Tier| {
            let hosts = tier.cells.iter().flat_map(|cell| &cell.hosts);
            tally(&health, hosts)
        };
        let tallies: Vec<_> = members.tiers.iter().map(tally).collect();
        let (factor, threshold) = (policy.overprovisioning, policy.panic_threshold);
        Self {
            members,
            shares: Shares::new(&tallies, factor, threshold),
            tallies,
            health,
        }
    }

    /// Whether an endpoint of the cluster may get something new.
    pub(super) fn is_usable(&self, name: &Arc<str>) -> bool {
        let position = self.members.position(name);
        position.is_some_and(|at| self.may_call(at.tier, at.host))
    }

    /// Whether the host at a position may go on with what it has.
    pub(super) fn may_keep(&self, at: Position, is_draining_kept: bool) -> bool {
        let is_draining = self.health[at.host] == Health::Draining;
        self.may_call(at.tier, at.host) || (is_draining && is_draining_kept)
    }

    fn may_call(&self, tier: usize, host: usize) -> bool {
        match self.health[host] {
            Health::Healthy => true,
            Health::Unhealthy => self.shares.panics()[tier],
            Health::Draining => false,
        }
    }

    /// The priorities in panic, but for those that have nobody left.
    pub(super) fn panics(&self) -> impl Iterator<Item = u32> {
        let tiers = self.members.tiers.iter().zip(&self.tallies);
        let panics = tiers.zip(self.shares.panics());
        let there = panics.filter(|((_, tally), panic)| **panic && tally.hosts > 0);
        there.map(|((tier, _), _)| tier.priority)
    }

    /// What those of a place weigh together who may get something new and whom `may_ask` lets pass. One
    /// that weighs nothing counts as the least weight: not every algorithm knows weights.
    pub(super) fn weight(
        &self,
        cell: &Cell,
        tier: usize,
        may_ask: impl Fn(&Arc<str>) -> bool,
    ) -> u64 {
        let may_call =
            |host: &&usize| self.may_call(tier, **host) && may_ask(&self.members.names[**host]);
        let hosts = cell.hosts.iter().filter(may_call);
        let weights = hosts.map(|host| self.members.hosts[*host].endpoint.weight.max(1));
        weights.map(u64::from).sum()
    }

    /// Which zones of a tier get its calls: zones count in priority 0, and not in a panic.
    pub(super) fn route(&self, tier: usize, zones: &ZonePolicy) -> Route {
        let Tier { priority, cells } = &self.members.tiers[tier];
        if *priority != 0 || self.shares.panics()[tier] {
            return Route::Anywhere;
        }
        let counts = cells
            .iter()
            .map(|cell| (&cell.zone, tally(&self.health, &cell.hosts)));
        let there = counts.filter(|(_, tally)| tally.hosts > 0);
        let healthy: Vec<_> = there
            .map(|(zone, tally)| (zone.clone(), tally.healthy))
            .collect();
        Route::new(zones, &healthy)
    }
}

fn tally<'a>(health: &[Health], hosts: impl IntoIterator<Item = &'a usize>) -> Tally {
    let mut tally = Tally::default();
    for &host in hosts {
        tally.hosts += u64::from(health[host] != Health::Draining);
        tally.healthy += u64::from(health[host] == Health::Healthy);
    }
    tally
}
