//! Processes: what a host runs, from its start to its end.
//!
//! Crash, power loss and a returning `main` take one path: the incarnation is marked dead, its
//! sockets, ports and page cache are settled at that instant, and then its futures are dropped.
//! Whatever their destructors do to the engine is ignored: a crash runs no code.

use crate::{
    agenda::Due,
    clock,
    machine::{Machine, inside, with},
    observe,
    task::{self, TaskId},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use windtunnel_record::{Event, Fields, Span, event::Ending};

/// The number of a process: one incarnation of one host's program.
pub(crate) type ProcessId = u32;

/// No process.
pub(crate) const NOBODY: ProcessId = ProcessId::MAX;

/// One life of a program on a host. What each poll looks at stands first.
#[repr(C, align(64))]
pub(crate) struct Process {
    pub host: u32,
    pub incarnation: u32,
    pub alive: bool,
    pub paused: bool,
    /// Tasks that were to be polled while it was paused.
    pub held: Vec<TaskId>,
    /// Whether it was asked to stop.
    pub terminating: bool,
    /// Whether it ever waited for that: then it stops by itself.
    pub listens_for_termination: bool,
    /// Who waits for that now, by the number of the wait.
    pub termination_wakers: BTreeMap<u64, Waker>,
    /// How many waits there were.
    termination_waits: u64,
}

thread_local! {
    static CURRENT: Cell<ProcessId> = const { Cell::new(NOBODY) };
    /// The host of each process, for the clock, which is read while the door is open.
    static HOSTS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// The number of the host on whose behalf code runs, without passing the door.
pub(crate) fn current_host_of_clock() -> Option<u32> {
    let process = current()?;
    HOSTS.with_borrow(|hosts| hosts.get(process as usize).copied())
}

/// Forgets the processes of an earlier run on this thread.
pub(crate) fn forget_hosts() {
    HOSTS.take();
}

/// Makes `process` the one on whose behalf code runs, until the guard is dropped.
pub(crate) fn enter(process: ProcessId) -> Entered {
    Entered {
        before: CURRENT.replace(process),
    }
}

/// See [`enter`].
pub(crate) struct Entered {
    before: ProcessId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// The process on whose behalf code runs.
pub(crate) fn current() -> Option<ProcessId> {
    Some(CURRENT.get()).filter(|&process| process != NOBODY)
}

/// The number of the host on whose behalf code runs; none outside tasks of hosts.
pub fn current_host() -> Option<u32> {
    let process = current()?;
    with(|machine| machine.processes[process as usize].host)
}

/// The name of the host on whose behalf code runs.
pub fn current_host_name() -> Option<String> {
    let process = current()?;
    with(|machine| {
        let host = machine.processes[process as usize].host;
        machine.hosts[host as usize].info.name.clone()
    })
}

impl Machine {
    /// The process on whose behalf code runs, if it is alive: a dead one has no effects any more.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    #[track_caller]
    pub fn caller(&self) -> io::Result<(ProcessId, u32)> {
        let process = current().expect("this must be called from a task of a simulated host");
        let state = &self.processes[process as usize];
        if state.alive {
            return Ok((process, state.host));
        }
        Err(io::Error::other("the process has ended"))
    }

    /// Whether the process on whose behalf code runs is alive.
    pub fn caller_is_alive(&self) -> bool {
        current().is_some_and(|process| self.processes[process as usize].alive)
    }

    /// Ends the process of `host`, if one runs: everything but the dropping of its futures, which
    /// the driver does once the door is closed.
    pub fn end_process(&mut self, host: u32, ending: Ending) {
        let Some(id) = self.hosts[host as usize].process.take() else {
            return;
        };
        let incarnation = self.processes[id as usize].incarnation;
        self.note(Event::Stopped {
            host,
            incarnation,
            ending,
        });
        self.names_follow(host, false);
        let process = &mut self.processes[id as usize];
        process.alive = false;
        process.paused = false;
        process.held.clear();
        let wakers = std::mem::take(&mut process.termination_wakers);
        for waker in wakers.into_values() {
            self.retire(Some(waker));
        }
        // What is left when the run ends is for rules to see.
        if ending != Ending::RunEnded {
            self.zero_gauges(host);
        }
        let power_lost = ending == Ending::PowerLost;
        self.settle_sockets(id, host, power_lost);
        if power_lost {
            self.lose_page_cache(host);
        } else {
            self.close_files(host, id);
        }
        self.release_memory(host);
        for waker in self.hosts[host as usize].cores.clear(clock::now()) {
            self.retire(Some(waker));
        }
        self.to_bury.push(id);
    }

    /// Starts a process on `host` unless one runs or the host has no power.
    pub fn start_process(&mut self, host: u32) {
        let state = &mut self.hosts[host as usize];
        if state.process.is_some() || !self.power[host as usize] || state.held_down > 0 {
            return;
        }
        let id = self.processes.len() as ProcessId;
        let incarnation = state.incarnations;
        state.incarnations += 1;
        state.process = Some(id);
        let paused = state.paused_by > 0;
        HOSTS.with_borrow_mut(|hosts| hosts.push(host));
        self.processes.push(Process {
            host,
            incarnation,
            alive: true,
            paused,
            held: Vec::new(),
            terminating: false,
            listens_for_termination: false,
            termination_wakers: BTreeMap::new(),
            termination_waits: 0,
        });
        self.note(Event::Started { host, incarnation });
        self.names_follow(host, true);
        self.to_boot.push(host);
    }

    /// Lets a paused process go on.
    pub fn resume_process(&mut self, id: ProcessId) {
        let process = &mut self.processes[id as usize];
        process.paused = false;
        for id in std::mem::take(&mut process.held) {
            if let Some(entry) = self.tasks.get_mut(id) {
                entry.held = false;
                task::wake(id);
            }
        }
    }

    /// Asks the process of `host` to stop; it is killed after `grace`, and at once if it never
    /// waited for being asked.
    pub fn terminate(&mut self, host: u32, grace: Span) {
        let Some(id) = self.hosts[host as usize].process else {
            return;
        };
        let process = &mut self.processes[id as usize];
        if !process.listens_for_termination {
            self.end_process(host, Ending::Crashed);
            return self.start_process(host);
        }
        process.terminating = true;
        let incarnation = process.incarnation;
        let wakers = std::mem::take(&mut process.termination_wakers);
        for waker in wakers.into_values() {
            self.wake(Some(waker));
        }
        let at = clock::now() + grace.as_nanos();
        self.agenda.enter(at, Due::GraceOver { host, incarnation });
    }

    /// Kills the process of `host` if it is still the one that was asked to stop.
    pub fn grace_over(&mut self, host: u32, incarnation: u32) {
        let running = self.hosts[host as usize].process;
        let same = running.is_some_and(|id| self.processes[id as usize].incarnation == incarnation);
        if same {
            self.end_process(host, Ending::Crashed);
            self.start_process(host);
        }
    }

    /// The process of a host returned from its `main`.
    fn main_returned(&mut self, id: ProcessId) {
        let Process {
            host,
            alive,
            terminating,
            ..
        } = self.processes[id as usize];
        if !alive {
            return;
        }
        self.end_process(host, Ending::Returned);
        if terminating {
            self.start_process(host);
        } else if let Some(after) = self.hosts[host as usize].restart_after {
            let at = clock::now() + after.as_nanos();
            self.agenda.enter(at, Due::StartAgain { host });
        }
    }
}

/// Creates the task of `main` for every host that is to start. Called by the driver.
pub(crate) fn boot_hosts() {
    loop {
        let next = with(|machine| {
            let host = machine.to_boot.pop()?;
            Some(machine.hosts[host as usize].process)
        });
        match next.flatten() {
            Some(Some(process)) => task::start_main(process),
            Some(None) => {}
            None => return,
        }
    }
}

/// The future of a process's `main`, made on behalf of that process.
pub(crate) fn make_main(id: ProcessId) -> Option<Pin<Box<dyn Future<Output = io::Result<()>>>>> {
    let host = with(|machine| machine.processes[id as usize].host)?;
    let mut main = with(|machine| machine.hosts[host as usize].main.take())??;
    let _entered = enter(id);
    let future = main();
    with(|machine| machine.hosts[host as usize].main = Some(main));
    Some(future)
}

/// Reports that a process's `main` came to its end.
pub(crate) fn main_ended(id: ProcessId, result: Option<&io::Result<()>>) {
    if let Some(Err(error)) = result {
        let _entered = enter(id);
        let fields = Fields::default().with("error", error.to_string());
        observe::component("process", "main", "failed", fields);
    }
    with(|machine| machine.main_returned(id));
}

/// Drops the futures of processes that ended. Called by the driver with the door closed.
pub(crate) fn bury_the_dead() {
    while let Some(dead) = with(|machine| std::mem::take(&mut machine.to_bury)) {
        if dead.is_empty() {
            return;
        }
        task::drop_tasks_of(&dead);
    }
}

/// Completes when the process is asked to stop (SIGTERM or ctrl-c); at once if it already was.
///
/// # Cancellation
/// May be dropped at any time; nothing is lost.
pub async fn termination() {
    Termination { wait: None }.await;
}

/// See [`termination`].
struct Termination {
    /// The process that waits, and the number of the wait.
    wait: Option<(ProcessId, u64)>,
}

impl Future for Termination {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let wait = self.wait;
        let (wait, asked) = inside(|machine| {
            let Ok((id, _)) = machine.caller() else {
                return (wait, Poll::Pending);
            };
            let process = &mut machine.processes[id as usize];
            process.listens_for_termination = true;
            if process.terminating {
                return (wait, Poll::Ready(()));
            }
            let number = wait.map_or_else(
                || {
                    process.termination_waits += 1;
                    process.termination_waits
                },
                |(_, number)| number,
            );
            let mut slot = process.termination_wakers.remove(&number);
            Machine::register(machine.retired(), &mut slot, cx.waker());
            let process = &mut machine.processes[id as usize];
            process
                .termination_wakers
                .extend(slot.map(|waker| (number, waker)));
            (Some((id, number)), Poll::Pending)
        });
        self.wait = wait;
        asked
    }
}

impl Drop for Termination {
    fn drop(&mut self) {
        let Some((id, number)) = self.wait else {
            return;
        };
        with(|machine| {
            let process = &mut machine.processes[id as usize];
            let waker = process.termination_wakers.remove(&number);
            machine.retire(waker);
        });
    }
}
