//! Pause: the process is frozen while its kernel goes on to acknowledge and to buffer.

use crate::machine::Machine;
use windtunnel_record::{Event, target::Targets};

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.hit_if_busy(fault, &hosts);
    for &host in &hosts {
        let state = &mut machine.hosts[host as usize];
        state.paused_by += 1;
        if let Some(id) = state.process.filter(|_| state.paused_by == 1) {
            machine.processes[id as usize].paused = true;
            machine.note(Event::Paused { host });
        }
    }
    hosts
}

pub(super) fn end(machine: &mut Machine, hosts: &[u32]) {
    for &host in hosts {
        let state = &mut machine.hosts[host as usize];
        state.paused_by -= 1;
        if let Some(id) = state.process.filter(|_| state.paused_by == 0)
            && machine.processes[id as usize].paused
        {
            machine.resume_process(id);
            machine.note(Event::Resumed { host });
        }
    }
}
