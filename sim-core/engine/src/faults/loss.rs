//! Loss: each packet that is sent on some links while it lasts is lost with a probability. Under TCP
//! that is delay, never a gap.

use crate::machine::Machine;

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    machine.put_on_links(fault);
    Vec::new()
}
