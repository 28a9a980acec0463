//! Power loss: the host goes dark. Nobody is told; its sockets are unknown after the boot; what was
//! not fsynced is lost or torn.

use crate::machine::Machine;
use windtunnel_record::{event::Ending, target::Targets};

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.hit_if_busy(fault, &hosts);
    for &host in &hosts {
        let state = &mut machine.hosts[host as usize];
        state.held_down += 1;
        state.held_dark += 1;
        if machine.power[host as usize] {
            machine.lose_power(host);
        }
    }
    hosts
}

pub(super) fn end(machine: &mut Machine, hosts: &[u32]) {
    for &host in hosts {
        let state = &mut machine.hosts[host as usize];
        state.held_down -= 1;
        state.held_dark -= 1;
        if state.held_dark == 0 {
            state.boots += 1;
            machine.power[host as usize] = true;
            // Another fault may still hold the process down; its end starts it then.
            machine.start_process(host);
        }
    }
}

impl Machine {
    /// The host goes dark, whether a process runs on it or not.
    fn lose_power(&mut self, host: u32) {
        if self.hosts[host as usize].process.is_some() {
            self.end_process(host, Ending::PowerLost);
        } else {
            self.settle_sockets(crate::process::NOBODY, host, true);
            self.lose_page_cache(host);
        }
        self.power[host as usize] = false;
    }
}
