//! Memory that a service says it uses.
//!
//! A host with a limit ([`HostBuilder::memory`](crate::HostBuilder::memory)) kills its process when it
//! uses more, as the memory controller of a control group does. Counted are
//!
//! - what is declared here,
//! - the futures of spawned tasks: their size, not what they point to,
//! - what is in the kernel's buffers of its sockets: written and not acknowledged, arrived and not
//!   read.
//!
//! Not counted are the heap, stacks, code, and the page cache (which the kernel gives up before it
//! kills). What is not declared is looked at when the process runs, once a millisecond at most. The
//! gauge `memory` shows the sum of a host that has a limit or ever declared anything.

pub use crate::simulation::Held;
use windtunnel_record::Size;

/// Says that the caller's process uses `size` until the guard is dropped. Where that is more than its
/// host has, the process is killed at this instant: what the caller does before its next await has no
/// effect any more. In the real world nothing happens.
///
/// # Panics
/// In the simulated world outside a task of a host.
pub fn hold(size: Size) -> Held {
    crate::simulation::hold(size)
}
