//! Events in plain sentences: what a person would say happened.

mod place;
mod requests;

use crate::numbers::counted;
use std::collections::BTreeMap;
use windtunnel_record::{
    Event, Fields, Outcome, Record, RunRecord, Text, Topology, Value,
    event::{Ending, Refusal},
};

/// Tells the events of one run with the names of its hosts, operations and connections.
pub struct Narrator<'a> {
    topology: &'a Topology,
    operations: BTreeMap<u64, String>,
    connections: BTreeMap<u32, (u32, u32)>,
}

impl<'a> Narrator<'a> {
    /// A narrator who has seen the whole run, so that an answer can be told with its question.
    pub fn new(run: &'a RunRecord) -> Self {
        Self::of(&run.topology, &run.events)
    }

    /// The same for events that were read from a log.
    pub fn of(topology: &'a Topology, events: &[Record]) -> Self {
        let mut narrator = Self {
            topology,
            operations: BTreeMap::new(),
            connections: BTreeMap::new(),
        };
        for record in events {
            match &record.event {
                Event::Invoked {
                    operation,
                    name,
                    key,
                    ..
                } => {
                    let told = format!("{} (operation {operation})", titled(name, key));
                    narrator.operations.insert(*operation, told);
                }
                Event::Connecting {
                    connection,
                    from,
                    to,
                    ..
                } => {
                    narrator.connections.insert(*connection, (*from, *to));
                }
                _ => {}
            }
        }
        narrator
    }

    /// The event in one sentence, without its time and without a full stop.
    pub fn tell(&self, event: &Event) -> String {
        self.process(event)
            .or_else(|| self.fault(event))
            .or_else(|| self.network(event))
            .or_else(|| self.request(event))
            .or_else(|| self.disk(event))
            .unwrap_or_else(|| self.service(event))
    }

    fn host(&self, host: u32) -> &str {
        self.topology.name(host)
    }

    fn process(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Started {
                host,
                incarnation: 0,
            } => format!("{} started", self.host(*host)),
            Event::Started { host, incarnation } => {
                format!(
                    "{} started again (life {})",
                    self.host(*host),
                    incarnation + 1
                )
            }
            Event::Stopped { host, ending, .. } => {
                let how = match ending {
                    Ending::Returned => "stopped by itself",
                    Ending::Crashed => "crashed",
                    Ending::PowerLost => "lost its power",
                    Ending::OutOfMemory => "was killed for want of memory",
                    Ending::RunEnded => "was still running at the end",
                };
                format!("{} {how}", self.host(*host))
            }
            Event::Paused { host } => format!("{} was frozen", self.host(*host)),
            Event::Resumed { host } => format!("{} went on", self.host(*host)),
            Event::Panicked {
                host,
                spawned,
                message,
            } => {
                let host = self.host(*host);
                format!("a task of {host}, spawned at {spawned}, panicked: {message}")
            }
            _ => return None,
        })
    }

    fn fault(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::FaultBegan { fault, kind, hosts } => {
                let hosts: Vec<_> = hosts.iter().map(|&host| self.host(host)).collect();
                match hosts.as_slice() {
                    [] => format!("fault {fault} ({kind}) began"),
                    hosts => format!("fault {fault} ({kind}) began on {}", hosts.join(", ")),
                }
            }
            Event::Swizzled { fault, host, cut } => {
                let how = if *cut { "cut off" } else { "healed" };
                format!("fault {fault}: {} was {how}", self.host(*host))
            }
            Event::FaultEnded { fault } => format!("fault {fault} ended"),
            Event::FaultHit { fault, kind } => {
                format!("fault {fault} ({kind}) touched a request in flight")
            }
            Event::Cancelled {
                host,
                fault,
                connection,
                at_await,
                dropped,
            } => {
                let host = self.host(*host);
                let what = match dropped.as_str() {
                    "connection" => "the connection under",
                    _ => "what served",
                };
                format!(
                    "fault {fault} dropped {what} a request at {host}, on connection {connection} at \
                     await {at_await}"
                )
            }
            Event::Settling {} => "the load ended; the settle phase began".into(),
            Event::Limit { what } => format!("the run was stopped: {what}"),
            Event::Refused { host, what } => {
                format!(
                    "{} tried what cannot be simulated: {what}",
                    self.host(*host)
                )
            }
            _ => return None,
        })
    }

    /// Both ends of a connection's direction, the sender first.
    fn ends(&self, connection: u32, back: bool) -> (&str, &str) {
        match self.connections.get(&connection) {
            Some(&(from, to)) if back => (self.host(to), self.host(from)),
            Some(&(from, to)) => (self.host(from), self.host(to)),
            None => ("?", "?"),
        }
    }

    fn network(&self, event: &Event) -> Option<String> {
        let fate = |arrives: &Option<_>| {
            if arrives.is_some() {
                ""
            } else {
                ", which was lost"
            }
        };
        Some(match event {
            Event::Connecting {
                connection,
                from,
                to,
                port,
            } => {
                let (from, to) = (self.host(*from), self.host(*to));
                format!("{from} began to connect to {to}, port {port} (connection {connection})")
            }
            Event::Connected { connection } => {
                let (from, to) = self.ends(*connection, false);
                format!("{from} was connected to {to} (connection {connection})")
            }
            Event::NotConnected {
                connection,
                refusal,
            } => {
                let (from, to) = self.ends(*connection, false);
                let why = match refusal {
                    Refusal::Refused => "nobody listens there",
                    Refusal::TimedOut => "no answer came",
                    Refusal::Unreachable => "it cannot be reached",
                    Refusal::Abandoned => "it gave up",
                };
                format!("{from} did not get connected to {to}: {why} (connection {connection})")
            }
            Event::Segment {
                connection,
                back,
                length,
                last,
                arrives,
                ..
            } => {
                let (from, to) = self.ends(*connection, *back);
                let end = if *last {
                    " and the end of its stream"
                } else {
                    ""
                };
                let bytes = counted(u64::from(*length), "byte");
                format!("{from} sent {to} {bytes}{end}{}", fate(arrives))
            }
            Event::Retransmission {
                connection,
                back,
                attempt,
                arrives,
            } => {
                let (from, to) = self.ends(*connection, *back);
                format!(
                    "{from} sent {to} again what was lost, attempt {attempt}{}",
                    fate(arrives)
                )
            }
            Event::Probe {
                connection,
                back,
                attempt,
                arrives,
            } => {
                let (from, to) = self.ends(*connection, *back);
                format!(
                    "{from} asked {to} for a sign of life, attempt {attempt}{}",
                    fate(arrives)
                )
            }
            Event::Datagram {
                from,
                to,
                to_port,
                length,
                copy,
                arrives,
                ..
            } => {
                let to = to.map_or("an address that nobody has", |to| self.host(to));
                let bytes = counted(u64::from(*length), "byte");
                let from = self.host(*from);
                if *copy {
                    format!("a datagram of {from} to {to}, port {to_port}, was duplicated")
                } else {
                    let fate = fate(arrives);
                    format!("{from} sent {to}, port {to_port}, a datagram of {bytes}{fate}")
                }
            }
            Event::LookedUp {
                host,
                name,
                answer,
                remembered,
            } => {
                let from = if *remembered { " (remembered)" } else { "" };
                format!("{} looked up {name}: {answer}{from}", self.host(*host))
            }
            Event::DatagramDropped { host, port, length } => {
                let bytes = counted(u64::from(*length), "byte");
                let host = self.host(*host);
                format!("{host} had no room at port {port} for a datagram of {bytes}")
            }
            Event::PortUnreachable { host, port } => {
                format!("{} told that nobody has its port {port}", self.host(*host))
            }
            Event::Reset {
                connection,
                back,
                arrives,
            } => {
                let (from, to) = self.ends(*connection, *back);
                format!("{from} sent {to} a reset{}", fate(arrives))
            }
            _ => return None,
        })
    }

    fn disk(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Disk {
                host,
                action,
                path,
                bytes,
                ..
            } => {
                let host = self.host(*host);
                match action.as_str() {
                    "write" => format!("{host} wrote {} to {path}", counted(*bytes, "byte")),
                    "sync" => format!("{host} synced {path} to its disk"),
                    other => format!("{host} changed {path} on its disk ({other})"),
                }
            }
            Event::DiskFailed {
                host,
                operation,
                path,
                error,
                lost,
            } => {
                let host = self.host(*host);
                let lost = match *lost {
                    0 => String::new(),
                    lost => format!("; {} will never be on the disk", counted(lost, "byte")),
                };
                format!("{host} could not {operation} {path}: {error}{lost}")
            }
            Event::DescriptorRefused {
                host,
                operation,
                limit,
            } => {
                let host = self.host(*host);
                let limit = counted(u64::from(*limit), "descriptor");
                format!(
                    "{host} could not {operation}: its process holds its limit of {limit} already"
                )
            }
            Event::OutOfMemory { host, used, limit } => {
                let (used, limit) = (counted(*used, "byte"), counted(*limit, "byte"));
                format!("{} used {used} of memory and has {limit}", self.host(*host))
            }
            Event::DiskLost { host, path, bytes } => {
                let bytes = counted(*bytes, "byte");
                format!(
                    "{} lost {bytes} of {path} that were not synced",
                    self.host(*host)
                )
            }
            _ => return None,
        })
    }

    fn service(&self, event: &Event) -> String {
        match event {
            Event::Invoked {
                operation, client, ..
            } => {
                format!(
                    "{} asked for {}",
                    self.host(*client),
                    self.operation(*operation)
                )
            }
            Event::Completed {
                operation,
                outcome,
                detail,
            } => {
                let what = match outcome {
                    Outcome::Ok => "succeeded",
                    Outcome::Fail => "failed",
                    Outcome::Unknown => "ended, nobody knows how",
                };
                let detail = if detail.is_empty() {
                    String::new()
                } else {
                    format!(": {detail}")
                };
                format!("{} {what}{detail}", self.operation(*operation))
            }
            Event::Observed { host, name, fields } => {
                format!("{} stated {name}{}", self.host(*host), listed(fields))
            }
            Event::Component {
                host,
                component,
                instance,
                what,
                fields,
            } => {
                let which = titled(component, instance);
                format!("{}: {which} {what}{}", self.host(*host), listed(fields))
            }
            Event::Sampled { host, gauge, value } => {
                format!("{} had a {gauge} of {value}", self.host(*host))
            }
            other => format!("{other:?}"),
        }
    }

    fn operation(&self, operation: u64) -> String {
        match self.operations.get(&operation) {
            Some(told) => told.clone(),
            None => format!("operation {operation}"),
        }
    }
}

/// A name with what it is applied to, if anything.
fn titled(name: &str, of: &str) -> String {
    if of.is_empty() {
        name.into()
    } else {
        format!("{name} {of}")
    }
}

/// A number with six decimals at most: what is behind them is how it was reckoned.
fn fraction(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The fields, but for the trace: its 32 digits on every line would hide the rest.
fn listed(fields: &Fields) -> String {
    let one = |(name, value): &(Text, Value)| {
        let value = match value {
            Value::Flag(flag) => flag.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Real(number) => fraction(*number),
            Value::Text(text) => text.to_string(),
        };
        format!("{name} {value}")
    };
    let told = fields.0.iter().filter(|(name, _)| name != "trace");
    let all: Vec<_> = told.map(one).collect();
    if all.is_empty() {
        String::new()
    } else {
        format!(" ({})", all.join(", "))
    }
}
