//! `recovers`: some time after the last fault, operations succeed again.
//!
//! Judged are the operations that were asked from `within` after the end of the last fault on; an
//! operation without an answer counts as one without success. If none was asked so late, the
//! operations of the last fifth of the load are taken; when those fail and overlap with the faults
//! or the time granted after them, the run says nothing. What this does not verify: latency (write
//! a threshold), and how it was before.

use super::{Judged, eventually, faults};
use crate::Evidence;
use windtunnel_record::{Moment, Operation, Outcome, Reason, Span, Verdict, Witness};

pub(crate) fn judge(within: Span, success: f64, evidence: &Evidence<'_>) -> Judged {
    if let Some(reason) = evidence.unfinished() {
        return Judged::unknown(reason);
    }
    let calm = faults::last_end(evidence).unwrap_or_default() + within;
    let after = asked(evidence, calm, Moment::END);
    if !after.is_empty() {
        return share(&after, calm, success, evidence);
    }
    let load = evidence.load_end.since(Moment::START);
    let last_fifth = Moment::START + load.mul_f64(0.8);
    let late = asked(evidence, last_fifth, evidence.load_end);
    if late.is_empty() {
        let why = format!("no operation was asked after {}", last_fifth.min(calm));
        return Judged::unknown(Reason::NotApplicable(why));
    }
    let judged = share(&late, last_fifth, success, evidence);
    if judged.verdict != Verdict::Held && last_fifth < calm {
        let why = format!("no operation was asked after {calm}, {within} after the last fault");
        return Judged::unknown(Reason::NotApplicable(why));
    }
    judged
}

fn asked<'e>(evidence: &'e Evidence<'_>, from: Moment, until: Moment) -> Vec<&'e Operation> {
    let all = evidence.history().operations.iter();
    all.filter(|operation| operation.invoked >= from && operation.invoked < until)
        .collect()
}

fn share(operations: &[&Operation], from: Moment, success: f64, evidence: &Evidence<'_>) -> Judged {
    let ended = |outcome| {
        operations
            .iter()
            .filter(|one| one.outcome == outcome)
            .count()
    };
    let (ok, all) = (ended(Some(Outcome::Ok)), operations.len());
    let reached = ok as f64 / all as f64;
    if reached >= success {
        return Judged::new(Verdict::Held, all as u64);
    }
    let pending = ended(None);
    let says = format!(
        "of {all} operations asked from {from} on {ok} succeeded \
         ({:.1} %, at least {:.1} % wanted); {} failed, {} unknown, {pending} pending{}",
        100.0 * reached,
        100.0 * success,
        ended(Some(Outcome::Fail)),
        ended(Some(Outcome::Unknown)),
        match faults::last_end(evidence) {
            Some(end) => format!("; the last fault ended at {end}"),
            None => String::new(),
        },
    );
    let witness = Witness::new(evidence.end, says);
    let waiting = operations.iter().filter(|one| one.outcome.is_none());
    let waiting = waiting.map(|operation| eventually::words(operation));
    Judged::new(Verdict::Violated(witness.with_pending(waiting)), all as u64)
}

#[cfg(test)]
mod tests;
