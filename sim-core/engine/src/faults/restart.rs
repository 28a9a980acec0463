//! Restart: the process is asked to stop, killed when its grace is over, and started again.

use crate::machine::Machine;
use windtunnel_record::{Span, target::Targets};

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets, grace: Span) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.hit_if_busy(fault, &hosts);
    for &host in &hosts {
        machine.terminate(host, grace);
    }
    hosts
}
