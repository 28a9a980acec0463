//! Who waits for the network, in words: what a run that can make no progress any more is asked.

use super::{
    Network,
    connection::{CLIENT, Connection, Opening},
};
use std::task::Waker;
use windtunnel_record::Topology;

impl Network {
    /// Everybody who waits at a socket, with what for.
    pub(crate) fn waiting<'a>(&'a self, topology: &Topology) -> Vec<(&'a Waker, String)> {
        let mut found = Vec::new();
        for connection in self.connections.iter() {
            waiting_at(connection, topology, &mut found);
        }
        for listener in self.listeners.values() {
            let port = listener.address.port();
            for waker in listener.waits.iter() {
                found.push((waker, format!("a connection on port {port}")));
            }
        }
        for (_, socket) in self.datagrams.sockets.iter() {
            for waker in &socket.wakers {
                found.push((waker, format!("a datagram at {}", socket.address)));
            }
        }
        found
    }
}

fn waiting_at<'a>(
    connection: &'a Connection,
    topology: &Topology,
    found: &mut Vec<(&'a Waker, String)>,
) {
    for (side, end) in connection.ends.iter().enumerate() {
        let peer = &connection.ends[1 - side];
        let name = format!("{} ({})", topology.name(peer.host), peer.address);
        for waker in end.readers.iter() {
            found.push((waker, format!("bytes from {name}")));
        }
        for waker in end.writers.iter() {
            let opening = side == CLIENT as usize && connection.opening == Opening::Connecting;
            let what = if opening {
                format!("an answer to its connect from {name}")
            } else {
                format!("room to write to {name}")
            };
            found.push((waker, what));
        }
    }
}
