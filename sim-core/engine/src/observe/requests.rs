//! Requests by their trace ids: which operation caused them and which connections carry them.
//!
//! The engine knows no requests. Who speaks a protocol tells when one is sent and when one is received,
//! and names the connection by its two addresses, which is what it knows of it.

use super::tell;
use crate::{machine::Machine, network};
use std::net::SocketAddr;
use windtunnel_record::{Event, TraceId};

/// The requests of this operation, and what they cause, carry this trace id.
pub fn traced(operation: u64, trace: TraceId) {
    tell(|_, _| Event::Traced { operation, trace });
}

/// The caller's process handed a request to its connection from `local` to `peer`.
pub fn request_sent(local: SocketAddr, peer: SocketAddr, trace: TraceId) {
    tell(|machine, host| Event::RequestSent {
        host,
        connection: connection(machine, host, local, peer, true),
        trace,
    });
}

/// The caller's process began to serve a request that came to `local` from `peer`.
pub fn request_received(local: SocketAddr, peer: SocketAddr, trace: TraceId) {
    tell(|machine, host| Event::RequestReceived {
        host,
        connection: connection(machine, host, local, peer, false),
        trace,
    });
}

/// The connection from `local` of `host` to `peer`, which `connected` or was accepted.
fn connection(
    machine: &Machine,
    host: u32,
    local: SocketAddr,
    peer: SocketAddr,
    connected: bool,
) -> Option<u32> {
    // Sockets of IPv6 show addresses of IPv4 as mapped ones.
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (local, peer) = (plain(local), plain(peer));
    let peer_host = network::host_of(machine, host, peer.ip())?;
    let (own, other) = ((host, local), (peer_host, peer));
    let network = &machine.network;
    if connected {
        network.connection_between(own, other)
    } else {
        network.connection_between(other, own)
    }
}
