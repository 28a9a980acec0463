//! `sometimes`: some event of the run is like this. Never violated: a run that does not show it
//! leaves the rule unmet, and only a sweep can say that no run ever did.

use super::Judged;
use crate::Evidence;
use windtunnel_record::{Event, Reason, Verdict};

pub(crate) fn judge(like: &dyn Fn(&Event) -> bool, evidence: &Evidence<'_>) -> Judged {
    let met = evidence
        .events
        .iter()
        .position(|record| like(&record.event));
    match met {
        Some(position) => Judged::new(Verdict::Held, position as u64 + 1),
        None => Judged::new(
            Verdict::Unknown(Reason::NotMet),
            evidence.events.len() as u64,
        ),
    }
}
