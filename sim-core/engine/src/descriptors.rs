//! File descriptors: how many a process holds, and the refusal of one more.
//!
//! Listeners, connected and connecting sockets, UDP sockets and open files count, each handle of a file
//! by itself.
//! What waits in a listener's queue is the kernel's and does not. Standard streams and what a runtime
//! opens for itself (about a dozen with tokio on Linux) are not counted. Counted when a host has a
//! limit and somebody wants one more, by looking, so that hosts without a limit pay nothing.

use crate::{machine::Machine, process::ProcessId};
use std::io;
use windtunnel_record::Event;

impl Machine {
    /// How many descriptors a process holds.
    fn descriptors_of(&self, process: ProcessId) -> usize {
        let host = self.processes[process as usize].host;
        let files = self.hosts[host as usize].disk.handles_of(process);
        files + self.network.sockets_of(host, process)
    }

    /// Whether a process holds as many as it may.
    pub(crate) fn is_out_of_descriptors(&self, process: ProcessId) -> bool {
        let host = self.processes[process as usize].host;
        let limit = self.hosts[host as usize].files;
        limit.is_some_and(|limit| self.descriptors_of(process) >= limit as usize)
    }

    /// Whether the caller's process may have one more; it is wanted for `operation`.
    ///
    /// # Errors
    /// EMFILE if its host's limit is reached, or the process has ended.
    pub(crate) fn one_more_descriptor(&mut self, operation: &str) -> io::Result<()> {
        let (process, host) = self.caller()?;
        if !self.is_out_of_descriptors(process) {
            return Ok(());
        }
        let limit = self.hosts[host as usize].files.unwrap_or(u32::MAX);
        self.note(Event::DescriptorRefused {
            host,
            operation: operation.into(),
            limit,
        });
        Err(io::Error::from_raw_os_error(libc::EMFILE))
    }
}
