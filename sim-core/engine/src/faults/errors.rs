//! Errors: requests at a service are answered with an error status. The engine only times it; a
//! layer around the service asks [`injected_error`] for each request.

use crate::{machine::with, process};
use windtunnel_record::Inject;

/// The status with which the present request at the caller's host is to be answered, if a fault
/// says so. Draws from the fault's stream.
pub fn injected_error() -> Option<u16> {
    let process = process::current()?;
    with(|machine| {
        let host = machine.processes[process as usize].host;
        let seed = machine.seed;
        for number in 0..machine.faults.planned.len() {
            let planned = &mut machine.faults.planned[number];
            let Inject::Errors { status, rate, .. } = planned.fault.inject else {
                continue;
            };
            if !planned.active || !planned.hosts.contains(&host) {
                continue;
            }
            let name = format!("faults/{}/requests", planned.fault.id);
            let stream = planned.stream.get_or_insert_with(|| seed.stream(&name));
            if stream.chance(rate) {
                machine.fault_hit(Some(number as u32));
                return Some(status);
            }
        }
        None
    })?
}
