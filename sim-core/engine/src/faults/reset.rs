//! Reset: every open connection between two sets of hosts is reset on both sides.

use crate::machine::Machine;
use windtunnel_record::target::Targets;

pub(super) fn begin(machine: &mut Machine, fault: u32, from: &Targets, to: &Targets) -> Vec<u32> {
    let (from, to) = (
        from.resolve(&machine.topology),
        to.resolve(&machine.topology),
    );
    let between = |a: u32, b: u32| {
        a != b && (from.contains(&a) && to.contains(&b) || from.contains(&b) && to.contains(&a))
    };
    if machine.has_open_request(between) {
        machine.fault_hit(Some(fault));
    }
    for connection in machine.connections_between(between) {
        machine.reset_both(connection);
    }
    Vec::new()
}
