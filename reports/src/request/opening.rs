//! Connections that were opened for the request.

use super::carrying::of_connection;
use crate::vocabulary::{Try, tried};
use std::collections::{BTreeMap, BTreeSet};
use windtunnel_record::{Event, Moment, Record, Topology, TraceId};

/// What happened to connections before they carried the request, or instead of it.
pub(super) struct Opening {
    positions: BTreeSet<usize>,
}

/// A connection that was begun.
#[derive(Clone, Copy)]
struct Begun {
    number: u32,
    at: Moment,
    from: u32,
    to: u32,
}

/// A try can be late by what is lost when its duration becomes a number of milliseconds.
const ROUNDED: u64 = 1_000;

impl Opening {
    /// Finds the connections that carried this request first, and those that failed and were begun and
    /// ended at the instants of a try of this request at the same endpoint. Of several such each goes to
    /// one try.
    pub fn of(events: &[Record], topology: &Topology, trace: TraceId, text: &str) -> Self {
        let mut begun: BTreeMap<u32, Begun> = BTreeMap::new();
        let mut failed: Vec<(Begun, Moment)> = Vec::new();
        let mut until: BTreeMap<u32, usize> = BTreeMap::new();
        for (position, Record { at, event }) in events.iter().enumerate() {
            if let Event::Connecting {
                connection,
                from,
                to,
                ..
            } = *event
            {
                let new = Begun {
                    number: connection,
                    at: *at,
                    from,
                    to,
                };
                begun.insert(connection, new);
            } else if let Event::NotConnected { connection, .. } = event {
                failed.retain(|(_, ended)| ended == at);
                failed.extend(begun.remove(connection).map(|begun| (begun, *at)));
            } else if let Some((number, of)) = carried(event) {
                // Whoever is the next to use it did not have it opened.
                if begun.remove(&number).is_some() && of == trace {
                    until.insert(number, position);
                }
            } else if let Some(tried) = tried(event) {
                let fits = |(begun, ended): &(Begun, Moment)| {
                    ended == at && is_for(begun, *at, &tried, topology)
                };
                if let Some(found) = failed.iter().rposition(fits) {
                    let (begun, _) = failed.remove(found);
                    if tried.trace == text {
                        until.insert(begun.number, position);
                    }
                }
            }
        }
        Self::before(events, &until)
    }

    /// What happened to each connection before a position.
    fn before(events: &[Record], until: &BTreeMap<u32, usize>) -> Self {
        let is_before = |position: usize, event: &Event| {
            let until = of_connection(event).and_then(|number| until.get(&number));
            until.is_some_and(|until| position < *until)
        };
        let all = events.iter().enumerate();
        let before = all.filter(|(position, record)| is_before(*position, &record.event));
        Self {
            positions: before.map(|(position, _)| position).collect(),
        }
    }

    /// Whether the event at this position is one of those.
    pub fn has(&self, position: usize) -> bool {
        self.positions.contains(&position)
    }
}

/// The connection that carries a request from here on, and the request's trace.
fn carried(event: &Event) -> Option<(u32, TraceId)> {
    match event {
        Event::RequestSent {
            connection, trace, ..
        }
        | Event::RequestReceived {
            connection, trace, ..
        } => connection.map(|number| (number, *trace)),
        _ => None,
    }
}

/// Whether a connection was begun for a try that ended at `ended`.
fn is_for(begun: &Begun, ended: Moment, tried: &Try<'_>, topology: &Topology) -> bool {
    let host = tried.endpoint.rsplit_once(':').map(|(host, _)| host);
    let to = host.and_then(|host| topology.find(host));
    let began = ended.as_nanos().saturating_sub(tried.lasted.as_nanos());
    begun.from == tried.host
        && Some(begun.to) == to
        && begun.at.as_nanos().abs_diff(began) <= ROUNDED
}
