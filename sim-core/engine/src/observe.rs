//! What services and the harness tell the record: operations, facts, decisions of components.
//!
//! A dead incarnation tells nothing: what its destructors report is ignored.

mod requests;

pub use requests::{request_received, request_sent, traced};

use crate::{
    machine::{Machine, with},
    process,
};
use windtunnel_record::{Event, Fields, Outcome};

/// An operation that a client waits for.
pub(crate) struct OpenOperation {
    pub host: u32,
    pub what: String,
    pub since: u64,
}

fn tell(event: impl FnOnce(&mut Machine, u32) -> Event) {
    with(|machine| {
        let Some(id) = process::current() else { return };
        let state = &machine.processes[id as usize];
        if state.alive {
            let host = state.host;
            let event = event(machine, host);
            machine.note(event);
        }
    });
}

/// A client on the caller's host begins an operation; gives its number.
pub fn invoked(name: &str, key: &str) -> u64 {
    let mut number = 0;
    tell(|machine, client| {
        number = machine.operations;
        machine.operations += 1;
        let open = OpenOperation {
            host: client,
            what: format!("`{name}` of {key}"),
            since: crate::clock::now(),
        };
        machine.open_operations.insert(number, open);
        Event::Invoked {
            operation: number,
            client,
            name: name.into(),
            key: key.into(),
        }
    });
    number
}

/// The operation ended, as far as its client knows.
pub fn completed(operation: u64, outcome: Outcome, detail: &str) {
    tell(|machine, _| {
        machine.open_operations.remove(&operation);
        Event::Completed {
            operation,
            outcome,
            detail: detail.into(),
        }
    });
}

/// A service states a fact. A fact with a field `once` is taken down only the first time that this
/// name is stated with this value, so that a service may state again, after a crash, what it cannot
/// know to have stated before.
pub fn observed(name: &str, fields: Fields) {
    if let Some(once) = fields.text("once") {
        let key = format!("{name}\0{once}");
        if with(|machine| !machine.stated.insert(key)) == Some(true) {
            return;
        }
    }
    tell(|_, host| Event::Observed {
        host,
        name: name.into(),
        fields,
    });
}

/// A component reports a decision or a change of state.
pub fn component(component: &str, instance: &str, what: &str, fields: Fields) {
    tell(|_, host| Event::Component {
        host,
        component: component.into(),
        instance: instance.into(),
        what: what.into(),
        fields,
    });
}

/// A gauge of the caller's process has this value; it is read when the harness samples, and zero when
/// the process ends.
pub fn gauge(name: &str, value: i64) {
    with(|machine| {
        let Some(id) = process::current() else { return };
        let process = &machine.processes[id as usize];
        // The destructors of a crashed process tell nothing.
        if process.alive {
            let host = process.host;
            machine.gauges.insert((host, name.into()), value);
        }
    });
}

/// The gauge of tasks, or requests, that wait.
const QUEUE_DEPTH: &str = "queue-depth";

impl Machine {
    /// Takes down every gauge and the queues of the hosts, where they changed. Hosts that were idle
    /// before and did nothing since are not looked at.
    pub(crate) fn sample(&mut self) {
        let now = crate::clock::now();
        let mut watched = std::mem::take(&mut self.to_sample);
        watched.sort_unstable();
        watched.retain(|&host| self.sample_cores(host, now));
        self.to_sample = watched;
        self.sample_memory();
        let readings = &self.readings;
        let gauges = self.gauges.iter();
        let changed = gauges.filter(|(key, value)| readings.get(*key).unwrap_or(&0) != *value);
        let changed: Vec<_> = changed.map(|(key, value)| (key.clone(), *value)).collect();
        for ((host, gauge), value) in changed {
            self.sampled(host, &gauge, value);
        }
    }

    /// Takes down the queue and the busy cores of a host. False if there are none.
    fn sample_cores(&mut self, host: u32, now: u64) -> bool {
        let state = &mut self.hosts[host as usize];
        let depth = state.cores.queue_depth() as i64;
        let busy = state.cores.busy(now) as i64;
        let goes_on = depth != 0 || busy != 0;
        state.cores.is_watched = goes_on;
        let depth_changed = depth != state.sampled_depth;
        let busy_changed = std::mem::replace(&mut state.sampled_busy, busy) != busy;
        if depth_changed {
            self.sample_depth(host, depth);
        }
        if busy_changed {
            self.sampled(host, "cores-busy", busy);
        }
        goes_on
    }

    /// Takes down how many tasks wait for the cores of a host. A service that keeps a queue of its own
    /// tells its depth instead.
    fn sample_depth(&mut self, host: u32, depth: i64) {
        if self.gauges.contains_key(&(host, QUEUE_DEPTH.into())) {
            self.hosts[host as usize].sampled_depth = 0;
        } else {
            self.hosts[host as usize].sampled_depth = depth;
            self.sampled(host, QUEUE_DEPTH, depth);
        }
    }

    /// Takes down how much memory is used, where anybody wants to know.
    fn sample_memory(&mut self) {
        let watched = std::mem::take(&mut self.memory_watched);
        for &host in &watched {
            let used = self.memory_of(host);
            self.sampled(host, "memory", used as i64);
        }
        self.memory_watched = watched;
    }

    /// The gauges of a process that ended are zero.
    pub(crate) fn zero_gauges(&mut self, host: u32) {
        let of_host = (host, String::new())..(host + 1, String::new());
        let names: Vec<_> = self
            .gauges
            .range(of_host)
            .map(|(key, _)| key.clone())
            .collect();
        for key in names {
            self.gauges.remove(&key);
            self.sampled(host, &key.1, 0);
            if key.1 == QUEUE_DEPTH {
                self.hosts[host as usize].sampled_depth = 0;
            }
        }
    }

    /// Takes a reading down if it differs from the one before.
    fn sampled(&mut self, host: u32, gauge: &str, value: i64) {
        let last = self.readings.entry((host, gauge.into())).or_insert(0);
        if *last != value {
            *last = value;
            self.note(Event::Sampled {
                host,
                gauge: gauge.into(),
                value,
            });
        }
    }
}

/// The status with which the present request at the caller's host is to be answered, if an `errors`
/// fault says so. Draws from the fault's stream.
pub fn injected_error() -> Option<u16> {
    crate::faults::injected_error()
}

/// What a service writes to a standard stream: shown with time and host where the harness echoes it,
/// and otherwise nowhere. It is not part of the digest.
pub fn output(bytes: &[u8]) {
    with(|machine| {
        let Some(id) = process::current() else { return };
        if machine.echo {
            let host = machine.processes[id as usize].host;
            let at = windtunnel_record::Moment::from_nanos(crate::clock::now());
            let name = machine.topology.name(host);
            for line in String::from_utf8_lossy(bytes).lines() {
                eprintln!("{at:>14} {name} {line}");
            }
        }
    });
}
