//! Clock jump: the wall clock of a host is set, once, by hand or by a time server, and stays so.
//! `Instant` and timers are not concerned.

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
