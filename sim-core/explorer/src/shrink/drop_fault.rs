//! Fewer faults: all of them left out, then each half, each quarter, down to each single one.

use windtunnel_record::{FaultPlan, RunSpec};

pub(super) fn smaller(spec: &RunSpec) -> Vec<RunSpec> {
    let faults = spec.faults.as_ref().map_or(&[][..], FaultPlan::faults);
    let mut candidates = Vec::new();
    let mut chunk = faults.len();
    while chunk > 0 {
        for from in (0..faults.len()).step_by(chunk) {
            let until = (from + chunk).min(faults.len());
            let kept = [&faults[..from], &faults[until..]].concat();
            candidates.push(RunSpec {
                faults: Some(FaultPlan::new(kept)),
                ..spec.clone()
            });
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    candidates
}
