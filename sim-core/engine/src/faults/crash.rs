//! Crash: the process dies without a word; its host's kernel stays up, closes its sockets and keeps
//! its page cache. The process starts again when the fault ends.

use crate::machine::Machine;
use windtunnel_record::{event::Ending, target::Targets};

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.hit_if_busy(fault, &hosts);
    for &host in &hosts {
        machine.hosts[host as usize].held_down += 1;
        machine.end_process(host, Ending::Crashed);
    }
    hosts
}

pub(super) fn end(machine: &mut Machine, hosts: &[u32]) {
    for &host in hosts {
        machine.hosts[host as usize].held_down -= 1;
        machine.start_process(host);
    }
}
