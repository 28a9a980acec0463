//! Reorder: a share of the packets that are sent on some links while it lasts is held back, so that
//! later ones overtake them. TCP puts them in order again, which takes as long; datagrams stay as they
//! come.

use crate::machine::Machine;

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    machine.put_on_links(fault);
    Vec::new()
}
