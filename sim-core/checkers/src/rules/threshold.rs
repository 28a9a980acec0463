//! `threshold`: a condition on the operations of the whole run, such as a bound on a quantile.
//!
//! Unknown for a run that was stopped early, and when an expression has no value because no
//! operation falls into its window. What this does not verify: how it was in between.

use super::{Judged, faults};
use crate::{Evidence, expression::RunCondition};
use windtunnel_record::{Moment, Reason, Verdict, Witness};

pub(crate) fn judge(condition: &RunCondition, evidence: &Evidence<'_>) -> Judged {
    if let Some(reason) = evidence.unfinished() {
        return Judged::unknown(reason);
    }
    match condition.ask(evidence) {
        (Some(true), _) => Judged::new(Verdict::Held, 1),
        (Some(false), values) => {
            let faults = faults::words(evidence, Moment::START, evidence.end);
            let says = format!("{values}; the threshold is `{condition}`{faults}");
            Judged::new(Verdict::Violated(Witness::new(evidence.end, says)), 1)
        }
        (None, values) => {
            let why = format!("no operation to measure: {values}");
            Judged::unknown(Reason::NotApplicable(why))
        }
    }
}
