//! From a scenario's data to the calls of the tunnel builder; there is no other door.

pub mod deployment;
mod described;
mod gateway;
mod load;
mod policies;
mod program;
mod provider;
mod serving;

pub use program::Program;
pub use provider::provider;

#[cfg(all(test, madsim))]
mod tests;

use crate::{
    apps::Place,
    format::{self, Scenario, Service},
};
use std::{cell::Cell, collections::BTreeMap, io, path::PathBuf, rc::Rc};
use windtunnel::{Disk, LinkSettings, Network, Tunnel};
use windtunnel_models::gateway::config::Config;
use windtunnel_record::Seed;

/// Whether this build is for the real world: it can open sockets, and cannot simulate.
pub const REAL: bool = cfg!(not(madsim));

/// The port on which every simulated service listens.
const PORT: u16 = 80;

/// Describes the run of a scenario.
///
/// # Panics
/// If the scenario was not checked: a rule that does not compile, an application that does not exist.
pub fn describe(scenario: &Scenario, tunnel: &mut Tunnel) {
    tunnel
        .about(&scenario.about)
        .load_for(scenario.run.duration)
        .settle_for(scenario.run.settle)
        .network(network(scenario));
    let addresses = addresses(scenario);
    for (name, service) in &scenario.services {
        for replica in 0..service.replicas {
            host(scenario, tunnel, name, service, replica, &addresses);
        }
    }
    for load in &scenario.load {
        load::add(scenario, tunnel, load, &addresses);
    }
    for fault in &scenario.faults {
        tunnel.fault_spec(fault.clone());
    }
    for check in &scenario.checks {
        let rule = check
            .rule
            .compile(&check.id)
            .expect("the scenario was checked");
        let mut named = rule.about(&check.about);
        named.severity = check.severity;
        tunnel.rule(named);
    }
}

/// The settings of a gateway that some host of a scenario would have.
pub struct Built {
    /// The part of the file that describes the host: `services.front`, or `load.0`.
    pub part: String,
    /// The list in that part which the routes come from, one after the other; none for a load, which
    /// has one.
    pub list: Option<&'static str>,
    /// What the gateway would be told.
    pub config: Config,
}

/// The settings of every gateway that a run of `scenario` would build: of its gateways, of described
/// services for what they call, of described loads. Replicas have the same.
pub fn gateways(scenario: &Scenario) -> Vec<Built> {
    let addresses = addresses(scenario);
    let services = scenario.services.iter().filter_map(|(name, service)| {
        let (list, config) = match Program::of(scenario, name, service, 0, &addresses) {
            Program::Gateway(config) => ("routes", *config),
            Program::Described(plan) => ("calls", plan.egress()?.clone()),
            Program::Written(..) => return None,
        };
        Some(Built {
            part: format!("services.{name}"),
            list: Some(list),
            config,
        })
    });
    let described = scenario.load.iter().enumerate();
    let described = described.filter(|(_, load)| load.app.is_none());
    let loads = described.map(|(number, load)| Built {
        part: format!("load.{number}"),
        list: None,
        config: load::config(scenario, load, &addresses),
    });
    services.chain(loads).collect()
}

/// Where the replicas of each service listen.
fn addresses(scenario: &Scenario) -> BTreeMap<String, Vec<String>> {
    let services = scenario.services.iter().map(|(name, service)| {
        let replicas = (0..service.replicas).map(|number| format!("{name}-{number}:{PORT}"));
        (name.clone(), replicas.collect())
    });
    services.collect()
}

fn network(scenario: &Scenario) -> Network {
    let network = &scenario.network;
    let links = network.links.iter().map(|link| {
        let [from, to] = link.between.clone();
        LinkSettings {
            from,
            to,
            latency: link.latency,
            loss: link.loss,
            impairments: link.impairments(),
        }
    });
    Network {
        loopback: network.loopback,
        same_zone: network.same_zone,
        cross_zone: network.cross_zone,
        loss: network.loss,
        impairments: network.impairments(),
        dns: network.dns,
        syn_retries: network.syn_retries,
        syn_linear: network.syn_linear,
        retries2: network.retries2,
        keep_alive: None,
        same_link: network.same_link,
        links: links.collect(),
    }
}

fn host(
    scenario: &Scenario,
    tunnel: &mut Tunnel,
    name: &str,
    service: &Service,
    replica: u32,
    addresses: &BTreeMap<String, Vec<String>>,
) {
    let host = format!("{name}-{replica}");
    let seed = tunnel.seed();
    let mut builder = tunnel
        .host(&host)
        .replica_of(name, replica)
        .role(service.role.word())
        .zone(service.zone(replica))
        .cores(service.cores)
        .scheduling(service.scheduling)
        .speed(service.speed_of(replica));
    if let Some(cpu) = service.cpu {
        builder = builder.cpu(cpu.per_poll, cpu.per_byte);
    }
    if let Some(clock) = service.clock {
        builder = builder.clock(clock);
    }
    if let Some(files) = service.files {
        builder = builder.files(files);
    }
    if let Some(limit) = service.memory.and_then(|memory| memory.limit) {
        builder = builder.memory(limit);
    }
    if let Some(disk) = service.disk {
        builder = builder.disk(disk_of(disk));
    }
    if let Some(after) = service.restart_after {
        builder = builder.restart_after(after);
    }
    let place = PlaceMaker {
        seed,
        host: host.clone(),
        replica: replica as usize,
        services: addresses.clone(),
        lives: Rc::new(Cell::new(0)),
    };
    let program = Program::of(scenario, name, service, replica, addresses);
    builder.run(move || program.clone().run(place.make()));
}

fn disk_of(disk: format::Disk) -> Disk {
    let default = Disk::default();
    Disk {
        sync: disk.sync.unwrap_or(default.sync),
        read: disk.read,
        write: disk.write,
        bandwidth: disk.bandwidth,
        capacity: disk.capacity,
    }
}

/// Makes the place of each life of a process; each life draws from a seed of its own.
struct PlaceMaker {
    seed: Seed,
    host: String,
    replica: usize,
    services: BTreeMap<String, Vec<String>>,
    lives: Rc<Cell<u32>>,
}

impl PlaceMaker {
    fn make(&self) -> Place {
        let life = self.lives.get();
        self.lives.set(life + 1);
        Place {
            name: self.host.clone(),
            replica: self.replica,
            listen: format!("0.0.0.0:{PORT}"),
            data: PathBuf::from("/data"),
            services: self.services.clone(),
            seed: self.seed.derive(&format!("hosts/{}/{life}", self.host)),
        }
    }
}

/// A setting that cannot work, as an I/O error.
fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}
