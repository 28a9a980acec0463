//! The log of one request: what happened for it, out of all that happened in a run.
//!
//! An event belongs to the request with a trace id if it
//!
//! - is the beginning or the end of the operation with that trace, or says who sent or received it;
//! - is a fact or a decision of a component that names the trace in its field `trace`;
//! - is about a connection while that carried the request. A connection carries a request from when it
//!   was sent (or received, if its client does not tell) until it carries another. What follows when the
//!   client has its answer, such as the end of an idle connection, belongs to nobody;
//! - is about the opening of a connection that carried the request first, or about one that could not be
//!   opened, from the beginning of a try to its end;
//! - is the end, the start, a pause of a process that has sent or received it, while it is under way.
//!
//! What cannot be told apart is not there: packets of connections on which nobody says what they carry,
//! disks, gauges, and facts and decisions that do not name the trace.

mod carrying;
mod opening;

use carrying::Carrying;
use opening::Opening;
use std::collections::BTreeSet;
use windtunnel_record::{Event, Fields, Record, Topology, TraceId};

/// What happened for one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// Its trace id.
    pub trace: TraceId,
    /// The operation that it is for, if a client's.
    pub operation: Option<u64>,
    /// The events in their order.
    pub events: Vec<&'a Record>,
}

impl<'a> Request<'a> {
    /// Selects the events of the request with this trace id. None if there are none.
    pub fn of(events: &'a [Record], topology: &Topology, trace: TraceId) -> Option<Self> {
        let operation = events.iter().find_map(|record| match record.event {
            Event::Traced {
                operation,
                trace: other,
            } if other == trace => Some(operation),
            _ => None,
        });
        let text = trace.to_string();
        let opening = Opening::of(events, topology, trace, &text);
        let mut selection = Selection {
            trace,
            text,
            operation,
            client: 0,
            carrying: Carrying::default(),
            hosts: BTreeSet::new(),
            over: false,
        };
        let selected = events.iter().enumerate();
        let selected = selected.filter(|(position, record)| {
            // Every event must be seen, whether or not it was selected by other reasons.
            let belongs = selection.takes(&record.event);
            belongs || opening.has(*position)
        });
        let events: Vec<_> = selected.map(|(_, record)| record).collect();
        (!events.is_empty()).then_some(Self {
            trace,
            operation,
            events,
        })
    }
}

/// The trace ids of a run with the operations that they belong to, in order.
pub fn traces(events: &[Record]) -> Vec<(TraceId, u64)> {
    let traced = events.iter().filter_map(|record| match record.event {
        Event::Traced { operation, trace } => Some((trace, operation)),
        _ => None,
    });
    traced.collect()
}

/// Goes through a run once.
struct Selection {
    trace: TraceId,
    /// The trace as a field shows it.
    text: String,
    operation: Option<u64>,
    /// The client's host, once it has asked.
    client: u32,
    carrying: Carrying,
    /// Who has sent or received it.
    hosts: BTreeSet<u32>,
    /// Whether the client has its answer.
    over: bool,
}

impl Selection {
    fn names_it(&self, fields: &Fields) -> bool {
        fields.text("trace") == Some(&self.text)
    }

    /// Whether the next event belongs to the request.
    fn takes(&mut self, event: &Event) -> bool {
        let belongs = self.is_told(event) || self.carrying.carries(event);
        self.carrying.follow(event, self.trace);
        if belongs {
            self.learn(event);
        }
        belongs
    }

    fn is_told(&self, event: &Event) -> bool {
        match event {
            Event::Invoked { operation, .. } | Event::Completed { operation, .. } => {
                Some(*operation) == self.operation
            }
            Event::Traced { trace, .. }
            | Event::RequestSent { trace, .. }
            | Event::RequestReceived { trace, .. } => *trace == self.trace,
            Event::Observed { fields, .. } | Event::Component { fields, .. } => {
                self.names_it(fields)
            }
            Event::Started { host, .. }
            | Event::Stopped { host, .. }
            | Event::Paused { host }
            | Event::Resumed { host } => !self.over && self.hosts.contains(host),
            _ => false,
        }
    }

    /// Who takes part, and who has its answer.
    fn learn(&mut self, event: &Event) {
        match event {
            Event::RequestSent { host, .. } | Event::RequestReceived { host, .. } => {
                self.hosts.insert(*host);
            }
            Event::Invoked { client, .. } => self.client = *client,
            Event::Completed { .. } => {
                self.over = true;
                self.carrying.client_is_done(self.client);
            }
            Event::Component { host, .. } => self.carrying.moved_on(*host),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
