//! What a run holds at an instant, so that a test can see that nothing leaks.

use crate::{clock, machine::inside};

/// How much of everything there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Tasks that are not over, those of the harness counted.
    pub tasks: usize,
    /// Armed timers.
    pub timers: usize,
    /// Connections that some program or kernel still needs.
    pub connections: usize,
    /// Listening sockets.
    pub listeners: usize,
    /// Ports that are held: by sockets, and by what was closed within the last minute.
    pub ports: usize,
    /// Tasks that wait at a socket.
    pub waiting: usize,
    /// Bytes that were written and not yet read.
    pub buffered: usize,
}

/// Counts at this instant.
///
/// # Panics
/// Outside a run.
pub fn census() -> Census {
    inside(|machine| {
        let [connections, listeners, ports, waiting, buffered] =
            machine.network.census(clock::now());
        Census {
            tasks: machine.tasks.iter().count(),
            timers: machine.timers.iter().count(),
            connections,
            listeners,
            ports,
            waiting,
            buffered,
        }
    })
}
