//! How far a measurement is, on standard error.

use std::{
    io::{IsTerminal, stderr},
    sync::Mutex,
    time::{Duration, Instant},
};

/// The progress of one case: a line that is drawn over itself on a terminal, and now and then a new
/// one elsewhere.
pub(crate) struct Progress {
    what: String,
    started: Instant,
    said: Mutex<Instant>,
    every: Duration,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(what: String) -> Self {
        let is_terminal = stderr().is_terminal();
        let every = Duration::from_millis(if is_terminal { 200 } else { 20_000 });
        Self {
            what,
            started: Instant::now(),
            said: Mutex::new(Instant::now()),
            every,
            is_terminal,
        }
    }

    /// So many of all replications are done.
    pub(crate) fn say(&self, done: u64, all: u64) {
        let mut said = self.said.lock().expect("nobody panics");
        if said.elapsed() < self.every {
            return;
        }
        *said = Instant::now();
        let passed = self.started.elapsed();
        let left = passed.mul_f64((all - done) as f64 / done as f64);
        let line = format!(
            "{}: {done} of {all}, {} s, {} s to go",
            self.what,
            passed.as_secs(),
            left.as_secs()
        );
        if self.is_terminal {
            eprint!("\r\x1b[K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    pub(crate) fn end(&self) {
        let start = if self.is_terminal { "\r\x1b[K" } else { "" };
        eprintln!(
            "{start}{}: {} s",
            self.what,
            self.started.elapsed().as_secs()
        );
    }
}
