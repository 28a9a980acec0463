//! Bandwidth: some links carry no more than so much while it lasts. What does not pass at once waits in
//! front of them, and what finds no room there is lost.

use crate::machine::Machine;

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    for link in machine.put_on_links(fault) {
        machine.limit_changed(link);
    }
    Vec::new()
}

pub(super) fn end(machine: &mut Machine, fault: u32) {
    let narrowed = machine.network.links_mut().filter_map(|(number, link)| {
        let limits = &link.conditions()?.wire.limits;
        limits
            .iter()
            .any(|(by, _)| *by == Some(fault))
            .then_some(number)
    });
    let narrowed: Vec<usize> = narrowed.collect();
    machine.take_off_links(fault);
    for link in narrowed {
        machine.limit_changed(link);
    }
}
