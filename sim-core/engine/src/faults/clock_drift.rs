//! Clock drift: the clocks of a host, and so its timers, are too fast or too slow while it lasts. What
//! they gained or lost stays when it ends; several faults add up.

use crate::{clock, machine::Machine};
use windtunnel_record::target::Targets;

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets, ppm: f64) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.hit_if_busy(fault, &hosts);
    change_rate(machine, &hosts, ppm);
    hosts
}

pub(super) fn end(machine: &mut Machine, hosts: &[u32], ppm: f64) {
    change_rate(machine, hosts, -ppm);
}

fn change_rate(machine: &mut Machine, hosts: &[u32], by: f64) {
    let now = clock::now();
    for &host in hosts {
        clock::change(host, |clock| clock.drift(now, by));
        machine.wake_timers_of(host);
    }
}
