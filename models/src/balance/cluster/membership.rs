//! Who is in a cluster: the hosts by priority and zone, each in exactly one place with one balancer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::{Balancer, Endpoint};
use super::{Host, Policy, Subset};

/// Makes the balancer of one place.
pub(super) type Factory = dyn FnMut(&[Endpoint]) -> Box<dyn Balancer> + Send;

/// The hosts at one moment; a change makes another one, and balancers of places that stay go along.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// Each once, in the order given, or of the subset.
    pub(super) hosts: Vec<Host>,
    /// Their names in the same order.
    pub(super) names: Arc<[Arc<str>]>,
    /// The preferred priority first.
    pub(super) tiers: Vec<Tier>,
    positions: BTreeMap<Arc<str>, Position>,
    /// Where everybody belongs who was given, in the subset or not.
    places: BTreeMap<Arc<str>, Place>,
}

/// The hosts of one priority.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) priority: u32,
    pub(super) cells: Vec<Cell>,
}

/// The hosts of one place, by their position, and who picks among them. A place is a zone of priority 0
/// if zones are looked at, else a whole priority: a filter by zone over one balancer would give the turn
/// of those passed over to their neighbours.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) zone: Arc<str>,
    pub(super) hosts: Vec<usize>,
    pub(super) balancer: Arc<dyn Balancer>,
}

/// Where a host is found: the positions of its tier, its cell in that, and among all hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) tier: usize,
    pub(super) cell: usize,
    pub(super) host: usize,
}

type Place = (u32, Arc<str>);

impl Membership {
    pub(super) fn position(&self, name: &Arc<str>) -> Option<Position> {
        self.positions.get(name).copied()
    }

    /// Endpoints with the places they have here; one that is new is of priority 0, in no zone.
    pub(super) fn placed(&self, endpoints: &[Endpoint]) -> Vec<Host> {
        let place = |endpoint: &Endpoint| {
            let host = Host::new(endpoint.clone());
            match self.places.get(&endpoint.name) {
                Some((priority, zone)) => host.at_priority(*priority).in_zone(zone.clone()),
                None => host,
            }
        };
        endpoints.iter().map(place).collect()
    }

    /// The membership that follows on this one. Nobody learns of it yet: new balancers are made, those
    /// that stay are told by [`tell`](Self::tell).
    pub(super) fn next(&self, hosts: &[Host], policy: &Policy, make: &mut Factory) -> Self {
        let mut next = Self::default();
        let mut cells: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
        for host in chosen(once_each(hosts), policy.subset.as_ref(), &mut next.places) {
            let is_zoned = policy.zones.is_some() && host.priority == 0;
            let zone = if is_zoned {
                host.zone.clone()
            } else {
                "".into()
            };
            let cell = cells.entry((host.priority, zone)).or_default();
            cell.push(next.hosts.len());
            next.hosts.push(host);
        }
        next.names = next.hosts.iter().map(|host| host.name().clone()).collect();
        for ((priority, zone), hosts) in cells {
            let balancer = match self.cell(priority, &zone) {
                Some(cell) => cell.balancer.clone(),
                None => Arc::from(make(&next.endpoints(&hosts))),
            };
            let cell = Cell {
                zone,
                hosts,
                balancer,
            };
            next.push(priority, cell);
        }
        next
    }

    fn push(&mut self, priority: u32, cell: Cell) {
        let last = self.tiers.last();
        if last.is_none_or(|tier| tier.priority != priority) {
            let cells = Vec::new();
            self.tiers.push(Tier { priority, cells });
        }
        let tier = self.tiers.len() - 1;
        let cells = &mut self.tiers[tier].cells;
        for &host in &cell.hosts {
            let name = self.hosts[host].name().clone();
            let cell = cells.len();
            self.positions.insert(name, Position { tier, cell, host });
        }
        cells.push(cell);
    }

    fn cell(&self, priority: u32, zone: &Arc<str>) -> Option<&Cell> {
        let tier = self.tiers.iter().find(|tier| tier.priority == priority)?;
        tier.cells.iter().find(|cell| cell.zone == *zone)
    }

    fn endpoints(&self, hosts: &[usize]) -> Vec<Endpoint> {
        let hosts = hosts.iter();
        hosts
            .map(|host| self.hosts[*host].endpoint.clone())
            .collect()
    }

    /// Tells the balancers who is theirs from now on. One whose place is gone gets nobody: a call that
    /// still looks at `self` must not find who left.
    pub(super) fn tell(&self, next: &Self) {
        for tier in &self.tiers {
            for cell in &tier.cells {
                let stays = next.cell(tier.priority, &cell.zone);
                let endpoints = stays.map(|cell| next.endpoints(&cell.hosts));
                cell.balancer.update(&endpoints.unwrap_or_default());
            }
        }
    }

    /// What each host has in flight, in the order given.
    pub(super) fn loads(&self) -> Vec<(Arc<str>, usize)> {
        let cells = self.tiers.iter().flat_map(|tier| &tier.cells);
        let loads: BTreeMap<_, _> = cells.flat_map(|cell| cell.balancer.loads()).collect();
        let load = |name: &Arc<str>| (name.clone(), loads.get(name).copied().unwrap_or(0));
        self.names.iter().map(load).collect()
    }
}

/// Two of one name are one host, and the first one counts.
fn once_each(hosts: &[Host]) -> Vec<Host> {
    let mut seen = BTreeSet::new();
    let hosts = hosts.iter();
    hosts
        .filter(|host| seen.insert(host.name().clone()))
        .cloned()
        .collect()
}

/// Those of each priority that are in the subset; all places are noted.
fn chosen(
    hosts: Vec<Host>,
    subset: Option<&Subset>,
    places: &mut BTreeMap<Arc<str>, Place>,
) -> Vec<Host> {
    let mut by_priority: BTreeMap<u32, Vec<Endpoint>> = BTreeMap::new();
    for host in &hosts {
        let place = (host.priority, host.zone.clone());
        places.insert(host.name().clone(), place);
        let endpoints = by_priority.entry(host.priority).or_default();
        endpoints.push(host.endpoint.clone());
    }
    let Some(subset) = subset else {
        return hosts;
    };
    let chosen = by_priority
        .values()
        .flat_map(|endpoints| subset.choose(endpoints));
    let placed = |endpoint: Endpoint| {
        let (priority, zone) = places[&endpoint.name].clone();
        Host {
            endpoint,
            priority,
            zone,
        }
    };
    chosen.map(placed).collect()
}
