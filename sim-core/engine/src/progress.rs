//! When nothing can happen any more: who waits for what, and where it was spawned.
//!
//! The harness's own timers (sampling, the planned end) are passive: they never count as something
//! that can still happen. A quiet system in which no client waits is not stuck, only done.

use crate::{
    agenda::Due,
    machine::Machine,
    task::{self, TaskEntry, TaskId, site},
};
use std::task::Waker;
use windtunnel_record::{Event, Moment};

/// How many operations and tasks are named.
const NAMED: usize = 6;

impl Machine {
    /// Ends the run if a client waits and nothing is left that could change that.
    pub(crate) fn check_progress(&mut self) {
        // Who was woken at this instant has not had its turn yet.
        let just_woken = self.last_active == crate::clock::now();
        let nobody_cares = self.open_operations.is_empty() && !self.must_return;
        if nobody_cares || just_woken || self.ended || self.can_go_on() {
            return;
        }
        let what = self.stuck();
        self.note(Event::Limit { what: what.into() });
        self.ended = true;
    }

    /// Whether the agenda holds anything that is not the harness's own.
    fn can_go_on(&self) -> bool {
        let mut entries = self.agenda.iter();
        entries.any(|due| !due.is_passive() && !self.is_stale(*due))
    }

    /// Whether it is a timer that was cancelled, or a look at a peer that is there.
    pub(crate) fn is_stale(&self, due: Due) -> bool {
        match due {
            Due::Timer(id) => self.timers.get(id).is_none(),
            Due::ShareDone { host } => self.shares_nothing(host),
            Due::KeepAlive { connection, side } => self.is_kept_alive(connection, side),
            _ => false,
        }
    }

    fn stuck(&self) -> String {
        let since = Moment::from_nanos(self.last_active);
        let waits = self.who_waits();
        if self.open_operations.is_empty() {
            return format!(
                "no progress: nothing is left that could happen after {since}: {waits}"
            );
        }
        let open = self.open_operations.values().map(|operation| {
            let host = self.topology.name(operation.host);
            let since = Moment::from_nanos(operation.since);
            format!("{host} waits for {} since {since}", operation.what)
        });
        format!(
            "no progress: nothing is left that could happen after {since}: {}; {waits}",
            listed(open, self.open_operations.len()),
        )
    }

    /// Every task, where it was spawned and what it waits for, in the order of hosts.
    pub(crate) fn who_waits(&self) -> String {
        let mut reasons = self.network.waiting(&self.topology);
        let operations = self.disk_operations.iter();
        let on_disk = operations.filter_map(|(_, operation)| operation.waker());
        reasons.extend(on_disk.map(|waker| (waker, "its disk".into())));
        for process in &self.processes {
            let wakers = process.termination_wakers.values();
            reasons.extend(wakers.map(|waker| (waker, "a signal".into())));
        }
        let mut tasks: Vec<_> = self
            .tasks
            .iter()
            .filter(|(_, entry)| self.processes[entry.process as usize].alive)
            .collect();
        tasks.sort_by_key(|(id, entry)| (self.processes[entry.process as usize].host, id.as_u64()));
        let mut said: Vec<(String, usize)> = Vec::new();
        for (id, entry) in tasks {
            let waits = format!(
                "{} waits for {}",
                self.task_name(id),
                self.reason(id, entry, &reasons)
            );
            match said.iter_mut().find(|(known, _)| *known == waits) {
                Some((_, times)) => *times += 1,
                None => said.push((waits, 1)),
            }
        }
        let count = said.len();
        let said = said.into_iter().map(|(waits, times)| match times {
            1 => waits,
            _ => format!("{waits} ({times} such tasks)"),
        });
        listed(said, count)
    }

    fn reason(&self, id: TaskId, entry: &TaskEntry, reasons: &[(&Waker, String)]) -> String {
        if !entry.began {
            return "its first turn".into();
        }
        let waker = &*task::waker(id);
        if self.processes[entry.process as usize].paused {
            return "the end of a pause".into();
        }
        let mut found: Vec<String> = reasons
            .iter()
            .filter(|(held, _)| held.will_wake(waker))
            .map(|(_, what)| what.clone())
            .collect();
        let joined = self
            .tasks
            .iter()
            .filter(|(_, other)| other.is_joined_by(waker));
        found.extend(joined.map(|(id, _)| format!("the end of {}", self.task_name(id))));
        if found.is_empty() {
            return "something inside its program: a lock, a channel or a notification".into();
        }
        found.join(" and ")
    }

    /// A task by its host and where it was spawned.
    pub(crate) fn task_name(&self, id: TaskId) -> String {
        let Some(entry) = self.tasks.get(id) else {
            return "a task that is over".into();
        };
        let host = self.processes[entry.process as usize].host;
        let host = self.topology.name(host);
        if entry.is_main {
            format!("the main task of {host}")
        } else {
            format!("the task of {host} spawned at {}", site(entry.spawned()))
        }
    }
}

/// The first of `items`, and how many more there are.
fn listed(items: impl Iterator<Item = String>, count: usize) -> String {
    let mut text = items.take(NAMED).collect::<Vec<_>>().join(", ");
    if count > NAMED {
        text.push_str(&format!(" and {} more", count - NAMED));
    }
    text
}
