//! CPU starvation: the cores of a host have a share of their speed while it lasts, as when others on
//! the machine take their time. What began before keeps its pace; shares of several faults multiply.

use crate::machine::Machine;
use windtunnel_record::target::Targets;

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets, share: f64) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.hit_if_busy(fault, &hosts);
    for &host in &hosts {
        machine.hosts[host as usize].cores.starve(fault, share);
    }
    hosts
}

pub(super) fn end(machine: &mut Machine, fault: u32, hosts: &[u32]) {
    for &host in hosts {
        machine.hosts[host as usize].cores.feed(fault);
    }
}
