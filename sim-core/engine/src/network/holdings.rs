//! What the network holds for a process: sockets, and bytes in their kernel's buffers.

use super::{
    Network,
    connection::{CLIENT, Greeting, SERVER},
};
use crate::process::ProcessId;
use std::collections::BTreeSet;

impl Network {
    /// How many sockets a process holds. What it did not accept yet is not its own.
    pub(crate) fn sockets_of(&self, host: u32, process: ProcessId) -> usize {
        let listeners = self.listeners.values();
        let own: Vec<_> = listeners
            .filter(|listener| listener.process == process)
            .collect();
        let waiting: BTreeSet<u32> = own.iter().flat_map(|own| &own.queue).copied().collect();
        let accepted = |&(number, side): &(u32, u8)| {
            let connection = self.connections.get(number);
            let greeted = connection.is_some_and(|known| known.greeting == Greeting::Over);
            side != SERVER || (greeted && !waiting.contains(&number))
        };
        let (datagrams, _) = self.datagrams.held_by(process);
        own.len() + datagrams + self.ends_of(host, process).filter(accepted).count()
    }

    /// The open ends of a process, as connection and side.
    fn ends_of(&self, host: u32, process: ProcessId) -> impl Iterator<Item = (u32, u8)> {
        let sides = [CLIENT, SERVER];
        let ends = self
            .connections
            .of_host(host)
            .flat_map(move |number| sides.map(|side| (number, side)));
        ends.filter(move |&(number, side)| {
            let connection = self.connections.get(number);
            connection.is_some_and(|connection| {
                let end = &connection.ends[side as usize];
                end.open && end.process == process
            })
        })
    }

    /// How many bytes are in the kernel's buffers for a process: written and not acknowledged, arrived
    /// and not read; of datagrams what they take of the receive buffer.
    pub(crate) fn buffered_by(&mut self, host: u32, process: ProcessId, now: u64) -> u64 {
        let ends: Vec<_> = self.ends_of(host, process).collect();
        let (_, mut bytes) = self.datagrams.held_by(process);
        for (number, side) in ends {
            let Some(connection) = self.connection(number) else {
                continue;
            };
            let [outgoing, incoming] = [side, 1 - side].map(usize::from);
            let pipe = &mut connection.pipes[outgoing];
            pipe.acknowledge(now);
            bytes += pipe.written - pipe.acknowledged;
            let pipe = &mut connection.pipes[incoming];
            pipe.arrive(now);
            bytes += pipe.arrived - pipe.read;
        }
        bytes
    }
}
