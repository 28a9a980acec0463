//! Where an event happened.

use super::Narrator;
use windtunnel_record::Event;

impl Narrator<'_> {
    /// The host on which it happened, by name; for what is sent, the sender's, and
    /// for a fault all that it touches. None for what
    /// concerns the whole run.
    pub fn place(&self, event: &Event) -> Option<String> {
        let host = match event {
            Event::Started { host, .. }
            | Event::Stopped { host, .. }
            | Event::Paused { host }
            | Event::Resumed { host }
            | Event::Panicked { host, .. }
            | Event::Disk { host, .. }
            | Event::DiskLost { host, .. }
            | Event::DiskFailed { host, .. }
            | Event::DescriptorRefused { host, .. }
            | Event::OutOfMemory { host, .. }
            | Event::Observed { host, .. }
            | Event::Component { host, .. }
            | Event::Sampled { host, .. }
            | Event::Refused { host, .. }
            | Event::Datagram { from: host, .. }
            | Event::DatagramDropped { host, .. }
            | Event::PortUnreachable { host, .. }
            | Event::LookedUp { host, .. }
            | Event::Swizzled { host, .. }
            | Event::RequestSent { host, .. }
            | Event::RequestReceived { host, .. }
            | Event::Connecting { from: host, .. }
            | Event::Invoked { client: host, .. } => *host,
            Event::Connected { connection } | Event::NotConnected { connection, .. } => {
                self.connections.get(connection)?.0
            }
            Event::Segment {
                connection, back, ..
            }
            | Event::Retransmission {
                connection, back, ..
            }
            | Event::Reset {
                connection, back, ..
            } => {
                let (from, to) = self.connections.get(connection)?;
                if *back { *to } else { *from }
            }
            Event::FaultBegan { hosts, .. } if !hosts.is_empty() => {
                let names: Vec<_> = hosts.iter().map(|&host| self.host(host)).collect();
                return Some(names.join(", "));
            }
            _ => return None,
        };
        Some(self.host(host).into())
    }
}
