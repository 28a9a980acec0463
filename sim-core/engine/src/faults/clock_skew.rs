//! Clock skew: the wall clock of a host shows another time while it lasts, and the right one again
//! when it ends. `Instant` and timers are not concerned.

use crate::{clock, machine::Machine};
use windtunnel_record::{ClockOffset, target::Targets};

pub(super) fn begin(
    machine: &mut Machine,
    fault: u32,
    target: &Targets,
    by: ClockOffset,
) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.hit_if_busy(fault, &hosts);
    for &host in &hosts {
        clock::change(host, |clock| clock.step(by.as_nanos()));
    }
    hosts
}

pub(super) fn end(hosts: &[u32], by: ClockOffset) {
    for &host in hosts {
        clock::change(host, |clock| clock.step(-by.as_nanos()));
    }
}
