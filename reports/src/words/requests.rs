//! Requests, as they go from host to host.

use super::Narrator;
use windtunnel_record::Event;

impl Narrator<'_> {
    pub(super) fn request(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Traced { operation, trace } => {
                format!("{} has the trace {trace}", self.operation(*operation))
            }
            Event::RequestSent {
                host, connection, ..
            } => {
                let (to, way) = self.carried(*connection, false);
                format!("{} sent a request to {to} ({way})", self.host(*host))
            }
            Event::RequestReceived {
                host, connection, ..
            } => {
                let (from, way) = self.carried(*connection, true);
                let host = self.host(*host);
                format!("{host} began to serve a request of {from} ({way})")
            }
            _ => return None,
        })
    }

    /// The other end of the connection, and which it is.
    fn carried(&self, connection: Option<u32>, back: bool) -> (&str, String) {
        match connection {
            Some(number) => (self.ends(number, back).1, format!("connection {number}")),
            None => ("somebody", "the connection is over".into()),
        }
    }
}
