//! Duplicate: a share of the packets that are sent on some links while it lasts arrives twice. TCP
//! throws the second one away; a datagram is received twice.

use crate::machine::Machine;

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    machine.put_on_links(fault);
    Vec::new()
}
