//! Partition: no packet passes between groups of hosts, or in one direction only. What is on its way
//! on a link that is cut is lost.

use crate::machine::Machine;
use windtunnel_record::{HostInfo, fault::Partition};

/// Whether a partition of this shape cuts the link from one host to another.
pub(super) fn cuts(shape: &Partition, from: &HostInfo, to: &HostInfo) -> bool {
    match shape {
        Partition::OneWay {
            from: senders,
            to: receivers,
        } => senders.matches(from) && receivers.matches(to),
        Partition::Split(groups) => {
            let group = |host| groups.iter().position(|targets| targets.matches(host));
            matches!((group(from), group(to)), (Some(one), Some(other)) if one != other)
        }
    }
}

pub(super) fn begin(machine: &mut Machine, fault: u32) -> Vec<u32> {
    for link in machine.put_on_links(fault) {
        machine.lose_in_flight(link, Some(fault));
    }
    Vec::new()
}
