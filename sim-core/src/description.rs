//! What is wrong with a description, found before its run begins.

use crate::{
    host::Disk,
    tunnel::{Network, Tunnel},
};
use std::collections::BTreeSet;
use windtunnel_explorer::problems;
use windtunnel_record::{Distribution, Topology};

/// All that is wrong with what `tunnel` describes, each in one sentence; nothing if it can be run.
pub fn wrong_with(tunnel: &Tunnel) -> Vec<String> {
    let mut found = Vec::new();
    let hosts = tunnel.hosts.iter().map(|host| host.info.name.as_str());
    twice("hosts", hosts, &mut found);
    let faults = tunnel.faults.iter().map(|fault| fault.id.as_str());
    twice("faults", faults, &mut found);
    let rules = tunnel.rules.iter().map(|rule| rule.id.as_str());
    twice("rules", rules, &mut found);
    for fault in &tunnel.faults {
        let wrong = problems(fault).into_iter();
        found.extend(wrong.map(|problem| format!("fault `{}`: {problem}", fault.id)));
    }
    for host in &tunnel.hosts {
        disk(&host.info.name, &host.disk, &mut found);
    }
    network(&tunnel.network, &topology(tunnel), &mut found);
    found
}

/// The hosts of a tunnel.
pub fn topology(tunnel: &Tunnel) -> Topology {
    Topology {
        hosts: tunnel.hosts.iter().map(|host| host.info.clone()).collect(),
    }
}

fn network(network: &Network, hosts: &Topology, found: &mut Vec<String>) {
    for (what, latency) in [
        ("the latency to itself", &network.loopback),
        ("the latency in a zone", &network.same_zone),
        ("the latency between zones", &network.cross_zone),
    ] {
        drawn(what, latency.as_ref(), found);
    }
    share("the network's loss", network.loss, found);
    for link in &network.links {
        drawn("a link's latency", link.latency.as_ref(), found);
        share("a link's loss", link.loss, found);
        for target in link.from.0.iter().chain(&link.to.0) {
            if !hosts.hosts.iter().any(|host| target.matches(host)) {
                found.push(format!("a link ends at `{target}`, which means no host"));
            }
        }
    }
}

fn disk(host: &str, disk: &Disk, found: &mut Vec<String>) {
    for (what, time) in [
        ("an fsync", Some(&disk.sync)),
        ("a read", disk.read.as_ref()),
        ("a write", disk.write.as_ref()),
    ] {
        drawn(&format!("host `{host}`: {what}"), time, found);
    }
    if disk
        .bandwidth
        .is_some_and(|rate| rate.as_bytes_per_second() == 0)
    {
        found.push(format!("host `{host}`: no byte can pass to its disk"));
    }
    if disk.capacity.is_some_and(|size| size.as_bytes() < 4096) {
        found.push(format!(
            "host `{host}`: its disk has no room for the root directory (4KiB)"
        ));
    }
}

/// Names are what random streams, reports and cases know things by.
fn twice<'n>(what: &str, names: impl Iterator<Item = &'n str>, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            found.push(format!("two {what} are called `{name}`"));
        }
    }
}

fn drawn(what: &str, distribution: Option<&Distribution>, found: &mut Vec<String>) {
    if let Some(fault) = distribution.and_then(Distribution::fault) {
        found.push(format!("{what} cannot be drawn: {fault}"));
    }
}

fn share(what: &str, share: Option<f64>, found: &mut Vec<String>) {
    if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        found.push(format!("{what} is a share: from 0 to 1"));
    }
}
