//! `eventually`: a condition on all operations, judged when the run is over and everything had its
//! time to settle. Unknown for a run that was stopped early. It does not verify when it came true.

use super::Judged;
use crate::Evidence;
use windtunnel_record::{History, Operation, Outcome, Verdict, Witness};

pub(crate) fn judge(holds: &dyn Fn(&History) -> bool, evidence: &Evidence<'_>) -> Judged {
    if let Some(reason) = evidence.unfinished() {
        return Judged::unknown(reason);
    }
    let history = evidence.history();
    if holds(history) {
        return Judged::new(Verdict::Held, 1);
    }
    let ended = |wanted| {
        let of_kind = history.operations.iter();
        of_kind.filter(|one| one.outcome == Some(wanted)).count()
    };
    let pending = history.pending();
    let says = format!(
        "not true at the end of the run, with {} operations: \
         {} ok, {} failed, {} unknown, {} pending",
        history.operations.len(),
        ended(Outcome::Ok),
        ended(Outcome::Fail),
        ended(Outcome::Unknown),
        pending.len(),
    );
    let witness = Witness::new(evidence.end, says).with_pending(pending.into_iter().map(words));
    Judged::new(Verdict::Violated(witness), 1)
}

/// An operation that has no answer, in words.
pub(crate) fn words(operation: &Operation) -> String {
    let Operation {
        operation,
        name,
        key,
        invoked,
        ..
    } = operation;
    format!("operation {operation} ({name} {key}), asked at {invoked}")
}
