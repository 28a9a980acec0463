//! Disk-slow: operations on a disk are late by a drawn delay while it lasts.

use crate::{disk::TroubleKind, machine::Machine};
use windtunnel_record::{Distribution, fault::DiskOperation, target::Targets};

pub(super) fn begin(
    machine: &mut Machine,
    fault: u32,
    target: &Targets,
    by: Distribution,
    operations: &[DiskOperation],
) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.trouble_disks(fault, &hosts, || TroubleKind::Slow {
        by,
        operations: operations.to_vec(),
    });
    hosts
}
