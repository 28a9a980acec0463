//! Catches, by name, what would let the machine's state into a run: raw entropy, raw clocks, the
//! time-stamp counter, threads, real directories and sockets, tasks on a real runtime.
//!
//! The run's thread carries a seccomp filter that traps the system calls behind them and every
//! opening of a file, and has reading of the time-stamp counter switched off. The signal handlers
//! refuse the calls, `/dev/urandom` and `/dev/random`, answer clocks and the counter from simulated
//! time, and leave a note that becomes an [`Event::Refused`]. To start a thread or a process past std
//! fails. Where the operating system offers none of this, [`arm`] does nothing and the double run of
//! an audit is what remains.

use crate::{machine::Machine, process::ProcessId};
use std::{
    cell::{Cell, RefCell},
    panic,
    sync::Once,
};
use windtunnel_record::Event;

thread_local! {
    static REFUSED: Cell<u8> = const { Cell::new(0) };
    static PANIC_SITE: RefCell<Option<String>> = const { RefCell::new(None) };
    static PANICS_SHOWN: Cell<bool> = const { Cell::new(false) };
    static STRAY: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

const RAW_ENTROPY: u8 = 1;
const RANDOM_DEVICE: u8 = 2;
const TIME_STAMP_COUNTER: u8 = 4;
const RAW_CLOCK: u8 = 8;
const DIRECTORY: u8 = 16;
const SOCKET: u8 = 32;
/// Something on the list of stray spawns.
const STRAY_SPAWN: u8 = 64;

const NAMES: [(u8, &str); 6] = [
    (
        RAW_ENTROPY,
        "a raw getrandom system call (take chance from an injected generator)",
    ),
    (
        RANDOM_DEVICE,
        "opening /dev/urandom (take chance from an injected generator)",
    ),
    (
        TIME_STAMP_COUNTER,
        "reading the time-stamp counter (use tokio::time or std's clocks)",
    ),
    (
        RAW_CLOCK,
        "a raw system call for the time (use tokio::time or std's clocks)",
    ),
    (
        DIRECTORY,
        "listing a directory of the machine (use tokio::fs, which is the host's disk)",
    ),
    (
        SOCKET,
        "opening a socket of the machine (use tokio::net, which is the simulated network)",
    ),
];

impl Machine {
    /// Turns the notes of the signal handlers into events.
    pub fn note_refusals(&mut self, process: ProcessId) {
        let refused = REFUSED.replace(0);
        if refused == 0 {
            return;
        }
        let stray = STRAY.with(|stray| std::mem::take(&mut *stray.borrow_mut()));
        let host = self.processes[process as usize].host;
        for (flag, name) in NAMES {
            if refused & flag != 0 {
                self.note(Event::Refused {
                    host,
                    what: name.into(),
                });
            }
        }
        for what in stray {
            self.note(Event::Refused {
                host,
                what: what.into(),
            });
        }
    }
}

/// Somebody spawned a task on the real runtime that encloses a run; it will never be polled.
pub(crate) fn stray_spawn(location: &str) {
    let what = format!(
        "tokio::spawn of the real tokio at {location} (spawn through the drop-in, or hand the \
         library our executor)"
    );
    STRAY.with(|stray| stray.borrow_mut().push(what));
    REFUSED.set(REFUSED.get() | STRAY_SPAWN);
}

/// Whether what panics on this run's thread say goes to standard error besides the record.
pub(crate) fn show_panics(shown: bool) {
    PANICS_SHOWN.set(shown);
}

/// Remembers where panics on threads that carry a run happened. They are events there, and shown
/// only where the harness asks for it: a storm may provoke thousands.
pub(crate) fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if crate::clock::is_running() && crate::process::current().is_some() {
                let site = info
                    .location()
                    .map(|at| format!("{}:{}", at.file(), at.line()));
                PANIC_SITE.with(|slot| *slot.borrow_mut() = site);
                if !PANICS_SHOWN.get() {
                    return;
                }
            }
            before(info);
        }));
    });
}

/// The message of a caught panic with its place, in our words where we caused it.
pub(crate) fn explain_panic(message: String) -> String {
    let site = PANIC_SITE
        .with(|slot| slot.borrow_mut().take())
        .unwrap_or_default();
    if site.contains("/std/src/sys/") && site.contains("thread") {
        return "std::thread::spawn is refused inside a run: tasks run one at a time (use \
                tokio::spawn)"
            .into();
    }
    let place = site.rsplit('/').next().unwrap_or_default();
    if place.is_empty() {
        message
    } else {
        format!("{message} (at {place})")
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod traps;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) use traps::{arm, release};

/// No traps on this system.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn arm() {}

/// No traps on this system.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn release() {}
