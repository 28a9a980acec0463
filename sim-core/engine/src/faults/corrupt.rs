//! Corrupt: in a share of the packets that are sent on some links while it lasts a bit is wrong. TCP
//! notices, throws the packet away and sends it again; a datagram is delivered so, as when a device
//! between the hosts computes the check sum anew.

use crate::machine::Machine;

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    machine.put_on_links(fault);
    Vec::new()
}
