//! Cancel: what serves a request is given up at one of its awaits, as when its caller hangs up.
//!
//! A task serves a request from the instant at which it reads the first bytes from a connection that
//! its host accepted until it writes to that connection. Each time it returns pending in between is
//! one await. So any server is meant, whatever it is built on, as long as one task reads a request,
//! waits for its answer and writes it, as hyper's does for HTTP/1.1. The main task of a process is
//! never dropped: that would be a crash.

use super::Machine;
use crate::task::TaskId;
use std::collections::BTreeMap;
use windtunnel_record::{Event, Inject, fault::Dropped, target::Targets};

/// The latest await at which a request is cancelled when the fault does not say which.
const LATEST_DRAWN: u64 = 16;

/// The requests that are served while a cancel fault lasts.
#[derive(Default)]
pub(super) struct Cancelling {
    /// The faults that last.
    active: Vec<u32>,
    serving: BTreeMap<TaskId, Serving>,
}

/// A request that a task serves.
struct Serving {
    connection: u32,
    awaits: u32,
    /// The fault that cancels it, and at which await.
    doom: Option<(u32, u32)>,
}

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets) -> Vec<u32> {
    machine.faults.cancelling.active.push(fault);
    target.resolve(&machine.topology)
}

pub(super) fn end(machine: &mut Machine, fault: u32) {
    let cancelling = &mut machine.faults.cancelling;
    cancelling.active.retain(|active| *active != fault);
    cancelling.serving.clear();
}

impl Machine {
    /// Whether any cancel fault lasts.
    pub(crate) fn is_cancelling(&self) -> bool {
        !self.faults.cancelling.active.is_empty()
    }

    /// `task` read bytes from a connection that its host accepted: a request, if it serves none yet.
    pub(crate) fn request_read(&mut self, task: TaskId, connection: u32, host: u32) {
        if self.faults.cancelling.serving.contains_key(&task) {
            return;
        }
        let doom = self.doom(host);
        let serving = Serving {
            connection,
            awaits: 0,
            doom,
        };
        self.faults.cancelling.serving.insert(task, serving);
    }

    /// Whether some fault cancels a request that begins now at `host`, and at which await. Draws from
    /// the faults' streams.
    fn doom(&mut self, host: u32) -> Option<(u32, u32)> {
        let seed = self.seed;
        for number in self.faults.cancelling.active.clone() {
            let planned = &mut self.faults.planned[number as usize];
            let Inject::Cancel { at_await, rate, .. } = planned.fault.inject else {
                continue;
            };
            if !planned.hosts.contains(&host) {
                continue;
            }
            let name = format!("faults/{}/requests", planned.fault.id);
            let stream = planned.stream.get_or_insert_with(|| seed.stream(&name));
            if stream.chance(rate) {
                let drawn = || 1 + stream.below(LATEST_DRAWN) as u32;
                return Some((number, at_await.unwrap_or_else(drawn)));
            }
        }
        None
    }

    /// `task` wrote to a connection that its host accepted: the request is answered.
    pub(crate) fn request_answered(&mut self, task: TaskId, connection: u32) {
        let serving = &mut self.faults.cancelling.serving;
        if serving
            .get(&task)
            .is_some_and(|served| served.connection == connection)
        {
            serving.remove(&task);
        }
    }

    /// `task` came to an await. True if its future is to be dropped there.
    pub(crate) fn is_cancelled_here(&mut self, task: TaskId) -> bool {
        let Some(serving) = self.faults.cancelling.serving.get_mut(&task) else {
            return false;
        };
        serving.awaits += 1;
        let (connection, awaits) = (serving.connection, serving.awaits);
        let Some((fault, _)) = serving.doom.filter(|(_, at)| *at == awaits) else {
            return false;
        };
        let Some(entry) = self.tasks.get(task) else {
            return false;
        };
        let (host, is_main) = (self.processes[entry.process as usize].host, entry.is_main);
        let planned = &self.faults.planned[fault as usize];
        let Inject::Cancel { drop, .. } = planned.fault.inject else {
            return false;
        };
        if drop == Dropped::Request && is_main {
            return false;
        }
        let event = Event::Cancelled {
            host,
            fault: (&planned.fault.id).into(),
            connection,
            at_await: awaits,
            dropped: drop.word().into(),
        };
        self.fault_hit(Some(fault));
        self.note(event);
        self.faults.cancelling.serving.remove(&task);
        match drop {
            Dropped::Request => true,
            Dropped::Connection => {
                self.reset_both(connection);
                false
            }
        }
    }
}
