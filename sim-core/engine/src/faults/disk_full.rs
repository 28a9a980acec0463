//! Disk-full: while it lasts, nothing can be allocated on a disk. Bytes that have their blocks can be
//! replaced, and names can change.

use crate::{disk::TroubleKind, machine::Machine};
use windtunnel_record::target::Targets;

pub(super) fn begin(machine: &mut Machine, fault: u32, target: &Targets) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.trouble_disks(fault, &hosts, || TroubleKind::Full);
    hosts
}
