//! What a detector counts of itself.

use super::Outcome;

/// What a detector did so far. `reports` = `ok` + `failed` + `cancelled` + `unknown`, and `ejections` =
/// `returns` + `left` + those that are out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls reported.
    pub reports: u64,
    /// Answers other than 5xx.
    pub ok: u64,
    /// Answers of 5xx and failures of our side.
    pub failed: u64,
    /// Calls that said nothing.
    pub cancelled: u64,
    /// Calls to endpoints that are not, or no longer, in the set.
    pub unknown: u64,
    /// Endpoints put out.
    pub ejections: u64,
    /// Endpoints that came back.
    pub returns: u64,
    /// Endpoints that left the set while they were out.
    pub left: u64,
    /// Outliers that stayed because as many were out as may be.
    pub capped: u64,
    /// Outliers that stayed because their reason was not enforced.
    pub unenforced: u64,
}

impl Counters {
    /// A call to an endpoint of the set, or to another.
    pub(super) fn count(&mut self, outcome: Option<Outcome>) {
        self.reports = self.reports.saturating_add(1);
        let count = match outcome {
            None => &mut self.unknown,
            Some(Outcome::Cancelled) => &mut self.cancelled,
            Some(Outcome::Answered(status)) if !status.is_server_error() => &mut self.ok,
            Some(Outcome::Answered(_) | Outcome::Failed(_)) => &mut self.failed,
        };
        *count = count.saturating_add(1);
    }
}
