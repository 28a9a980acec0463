//! Names and addresses of hosts. Host number n is 10.0.0.0 + n + 1.

use crate::machine::Machine;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use windtunnel_record::Topology;

/// The address of a host on the network.
pub fn host_address(host: u32) -> IpAddr {
    let [_, high, middle, low] = (host + 1).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, high, middle, low))
}

/// The address from which `host` speaks to `remote`, and the address that `remote` means: any address
/// means loopback, and a mapped one is one of IPv4. `bound` is the address the socket has, if any.
pub(super) fn routed(
    host: u32,
    bound: Option<IpAddr>,
    remote: SocketAddr,
) -> io::Result<(IpAddr, SocketAddr)> {
    let to = match remote.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let usual = match to {
        IpAddr::V4(ip) if ip.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) => host_address(host),
        IpAddr::V6(_) => return Err(io::ErrorKind::NetworkUnreachable.into()),
    };
    let from = match bound.map(|ip| ip.to_canonical()) {
        Some(ip) if !ip.is_unspecified() => ip,
        _ => usual,
    };
    if from.is_loopback() && !to.is_loopback() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((from, SocketAddr::new(to, remote.port())))
}

/// The host that has this address, seen from `from`.
pub(crate) fn host_of(machine: &Machine, from: u32, address: IpAddr) -> Option<u32> {
    if address.is_loopback() || address.is_unspecified() {
        return Some(from);
    }
    let IpAddr::V4(v4) = address else { return None };
    let [ten, high, middle, low] = v4.octets();
    let number = u32::from_be_bytes([0, high, middle, low]).checked_sub(1)?;
    (ten == 10 && (number as usize) < machine.hosts.len()).then_some(number)
}

/// The address that a name is without being looked up.
pub(super) fn literal(name: &str) -> Option<IpAddr> {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    if name == "localhost" {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    bare.parse().ok()
}

/// The host of this name, or the replicas of the service of this name in order.
pub(super) fn hosts_called(topology: &Topology, name: &str) -> Vec<u32> {
    if let Some(host) = topology.find(name) {
        return vec![host];
    }
    let infos = topology.hosts.iter().enumerate();
    let replicas = infos.filter(|(_, info)| info.service == name);
    replicas.map(|(number, _)| number as u32).collect()
}
