//! Shorter faults: for each one the first half of its time, or the second half.

use windtunnel_record::{FaultPlan, PlannedFault, RunSpec, Span};

/// A fault this short is not cut any further: what is shorter explains nothing better.
const SHORTEST: Span = Span::from_millis(10);

/// Times are cut to whole multiples of this, to be easy to read.
const GRAIN: u64 = 1_000_000;

pub(super) fn smaller(spec: &RunSpec) -> Vec<RunSpec> {
    let faults = spec.faults.as_ref().map_or(&[][..], FaultPlan::faults);
    let mut candidates = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        for shorter in halves(fault) {
            let mut changed = faults.to_vec();
            changed[index] = shorter;
            candidates.push(RunSpec {
                faults: Some(FaultPlan::new(changed)),
                ..spec.clone()
            });
        }
    }
    candidates
}

fn halves(fault: &PlannedFault) -> Vec<PlannedFault> {
    if fault.lasting <= SHORTEST {
        return Vec::new();
    }
    let half = Span::from_nanos((fault.lasting.as_nanos() / 2).next_multiple_of(GRAIN));
    let first = PlannedFault {
        lasting: half,
        ..fault.clone()
    };
    let second = PlannedFault {
        at: fault.at + half,
        lasting: fault.lasting.saturating_sub(half),
        ..fault.clone()
    };
    vec![first, second]
}
