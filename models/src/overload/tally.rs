//! What became of calls, counted so that nothing can get lost unseen.

/// How an admitted call ended, as far as it reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done; its latency says how busy the callee is.
    Success,
    /// It was not, for a reason that says nothing about the callee's load: an error, a refusal of
    /// somebody else. Such answers are often quick, so they are no samples of latency.
    Failure,
    /// It was not because the callee is overloaded: it timed out, or was answered so.
    Overload,
}

/// Counts since the beginning. Always `offered = refused + admitted + waiting`, and
/// `admitted = ok + failed + cancelled + in_flight`. Every count saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that asked.
    pub offered: u64,
    /// Calls that were turned away, or left before their turn.
    pub refused: u64,
    /// Calls that wait for their turn now.
    pub waiting: u64,
    /// Calls that were let through.
    pub admitted: u64,
    /// Admitted calls that succeeded.
    pub ok: u64,
    /// Admitted calls that failed.
    pub failed: u64,
    /// Admitted calls whose caller went away.
    pub cancelled: u64,
    /// Admitted calls under way now.
    pub in_flight: u64,
}

impl Tally {
    /// Whether every call is accounted for (until a count saturates).
    pub const fn is_balanced(&self) -> bool {
        let answered = self.refused.saturating_add(self.admitted);
        let ended = self.ok.saturating_add(self.failed);
        let ended = ended.saturating_add(self.cancelled);
        self.offered == answered.saturating_add(self.waiting)
            && self.admitted == ended.saturating_add(self.in_flight)
    }

    pub(super) const fn offer(&mut self) {
        self.offered = self.offered.saturating_add(1);
    }

    pub(super) const fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    pub(super) const fn admit(&mut self) {
        self.admitted = self.admitted.saturating_add(1);
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// A call ended; one without an outcome was cancelled.
    pub(super) const fn end(&mut self, outcome: Option<Outcome>) {
        let count = match outcome {
            Some(Outcome::Success) => &mut self.ok,
            Some(Outcome::Failure | Outcome::Overload) => &mut self.failed,
            None => &mut self.cancelled,
        };
        *count = count.saturating_add(1);
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}
