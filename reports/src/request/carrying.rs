//! Which connections carry the request at present.

use std::collections::BTreeMap;
use windtunnel_record::{Event, TraceId};

/// The connections that carry the request.
#[derive(Default)]
pub(super) struct Carrying {
    connections: BTreeMap<u32, Carried>,
}

/// How far the request is on one connection.
#[derive(Clone, Copy)]
struct Carried {
    /// Who sent it, if that was told.
    sender: Option<u32>,
    /// Whether bytes have come back that were not lost.
    answered: bool,
}

impl Carrying {
    /// Whether the event is about a connection that carries the request.
    pub fn carries(&self, event: &Event) -> bool {
        of_connection(event).is_some_and(|number| self.connections.contains_key(&number))
    }

    /// Takes in what the next event says of connections.
    pub fn follow(&mut self, event: &Event, trace: TraceId) {
        match event {
            Event::RequestSent {
                host,
                connection: Some(number),
                trace: sent,
            } => {
                self.connections.remove(number);
                if *sent == trace {
                    self.begin(*number, Some(*host));
                }
            }
            Event::RequestReceived {
                connection: Some(number),
                trace: received,
                ..
            } => {
                if *received != trace {
                    self.connections.remove(number);
                } else if !self.connections.contains_key(number) {
                    self.begin(*number, None);
                }
            }
            Event::Segment {
                connection,
                back: true,
                length: 1..,
                arrives: Some(_),
                ..
            }
            | Event::Retransmission {
                connection,
                back: true,
                arrives: Some(_),
                ..
            } => {
                if let Some(carried) = self.connections.get_mut(connection) {
                    carried.answered = true;
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, number: u32, sender: Option<u32>) {
        let answered = false;
        self.connections
            .insert(number, Carried { sender, answered });
    }

    /// A host goes on with the request: what was answered to it is done. What was not may be answered
    /// still, or be given up.
    pub fn moved_on(&mut self, host: u32) {
        self.connections
            .retain(|_, carried| !carried.answered || carried.sender != Some(host));
    }

    /// The client, whose host this is, has its answer or has given up.
    pub fn client_is_done(&mut self, host: u32) {
        let is_clients = |carried: &Carried| carried.sender.is_none_or(|sender| sender == host);
        self.connections
            .retain(|_, carried| !carried.answered || !is_clients(carried));
    }
}

/// The connection that a packet, or what else happens to one, is about.
pub(super) fn of_connection(event: &Event) -> Option<u32> {
    match event {
        Event::Connecting { connection, .. }
        | Event::Connected { connection }
        | Event::NotConnected { connection, .. }
        | Event::Segment { connection, .. }
        | Event::Retransmission { connection, .. }
        | Event::Reset { connection, .. }
        | Event::Probe { connection, .. }
        | Event::Cancelled { connection, .. } => Some(*connection),
        _ => None,
    }
}
