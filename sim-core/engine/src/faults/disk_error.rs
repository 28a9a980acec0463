//! Disk-error: a share of the operations on a disk fails with EIO while it lasts, or one of them. The
//! bytes that a failed sync was to write are given up: the next sync succeeds without them.

use crate::{disk::TroubleKind, machine::Machine};
use windtunnel_record::{fault::DiskOperation, target::Targets};

pub(super) fn begin(
    machine: &mut Machine,
    fault: u32,
    target: &Targets,
    operations: &[DiskOperation],
    rate: f64,
    once: bool,
) -> Vec<u32> {
    let hosts = target.resolve(&machine.topology);
    machine.trouble_disks(fault, &hosts, || TroubleKind::Error {
        operations: operations.to_vec(),
        rate,
        left: if once { 1 } else { u64::MAX },
    });
    hosts
}
