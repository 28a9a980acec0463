//! Memory: how much of it the engine knows a process to use, and the kill when it is too much.
//!
//! Counted are the futures of spawned tasks (their size, not what they point to), bytes in the
//! kernel's buffers of its sockets (written and not acknowledged, arrived and not read), and what the
//! program declares by [`hold`]. Not counted are its heap, its code, stacks, and the page cache, which
//! the kernel gives up before it kills. A host without a limit counts only for the gauge `memory`, and
//! only once something is held.
//!
//! The kill is that of a control group (`memory.max`): the process dies as by SIGKILL, its kernel stays.

use crate::{
    agenda::Due,
    clock,
    machine::{Machine, with},
    process::{self, ProcessId},
};
use windtunnel_record::{Event, event::Ending};

/// What is not declared is looked at again after this time at the earliest.
const LOOK_EVERY: u64 = 1_000_000;

/// What is known of a host's memory.
pub(crate) struct Memory {
    /// How many bytes its process may use.
    limit: Option<u64>,
    /// How many its process declared.
    held: u64,
    /// How many futures and buffers took when they were last looked at.
    seen: u64,
    look_at: u64,
}

impl Memory {
    pub fn new(limit: Option<u64>) -> Self {
        Self {
            limit,
            held: 0,
            seen: 0,
            look_at: 0,
        }
    }

    /// Whether there is a limit.
    pub const fn is_limited(&self) -> bool {
        self.limit.is_some()
    }
}

/// Memory that a process declared; given back when this is dropped.
#[derive(Debug)]
#[must_use = "memory is held as long as this is"]
pub struct Held {
    process: ProcessId,
    bytes: u64,
}

/// Declares that the caller's process uses so many bytes until the guard is dropped. If that is more
/// than its host has, the process is killed at once: what the caller does before its next await has no
/// effect any more.
///
/// # Panics
/// Outside a task of a simulated host.
pub fn hold(bytes: u64) -> Held {
    let process = process::current().expect("this must be called from a task of a simulated host");
    with(|machine| {
        let Process { host, alive } = machine.whose(process);
        if alive {
            let memory = &mut machine.hosts[host as usize].memory;
            memory.held += bytes;
            machine.memory_watched.insert(host);
            machine.check_memory(process);
        }
    });
    Held { process, bytes }
}

impl Drop for Held {
    fn drop(&mut self) {
        with(|machine| {
            let Process { host, alive } = machine.whose(self.process);
            if alive {
                machine.hosts[host as usize].memory.held -= self.bytes;
            }
        });
    }
}

struct Process {
    host: u32,
    alive: bool,
}

impl Machine {
    fn whose(&self, process: ProcessId) -> Process {
        let process = &self.processes[process as usize];
        Process {
            host: process.host,
            alive: process.alive,
        }
    }

    /// How many bytes the process of a host uses, as far as that is known.
    pub(crate) fn memory_of(&mut self, host: u32) -> u64 {
        let Some(process) = self.hosts[host as usize].process else {
            return 0;
        };
        let now = clock::now();
        if now >= self.hosts[host as usize].memory.look_at {
            let tasks = self
                .tasks
                .iter()
                .filter(|(_, task)| task.process == process);
            let futures: u64 = tasks.map(|(_, task)| task.size() as u64).sum();
            let seen = futures + self.network.buffered_by(host, process, now);
            let memory = &mut self.hosts[host as usize].memory;
            (memory.seen, memory.look_at) = (seen, now + LOOK_EVERY);
        }
        let memory = &self.hosts[host as usize].memory;
        memory.held + memory.seen
    }

    /// Kills a process that uses more than its host has. Called after each of its polls.
    pub(crate) fn check_memory(&mut self, process: ProcessId) {
        if self.memory_watched.is_empty() {
            // Nobody's memory has a limit.
            return;
        }
        let Process { host, alive } = self.whose(process);
        let Some(limit) = self.hosts[host as usize].memory.limit.filter(|_| alive) else {
            return;
        };
        let used = self.memory_of(host);
        if used <= limit {
            return;
        }
        self.note(Event::OutOfMemory { host, used, limit });
        self.end_process(host, Ending::OutOfMemory);
        if let Some(after) = self.hosts[host as usize].restart_after {
            let at = clock::now() + after.as_nanos();
            self.agenda.enter(at, Due::StartAgain { host });
        }
    }

    /// The process of a host ended, and with it what it held.
    pub(crate) fn release_memory(&mut self, host: u32) {
        let memory = &mut self.hosts[host as usize].memory;
        (memory.held, memory.seen, memory.look_at) = (0, 0, 0);
    }
}
