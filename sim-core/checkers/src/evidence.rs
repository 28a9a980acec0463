//! What a judge gets to see of a run.

use std::cell::OnceCell;
use windtunnel_record::{History, Moment, Reason, Record, Topology};

/// The kept events of a run and what is needed to read them. Client operations are folded out of
/// them once, when a rule first asks.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The kept events, in order; witnesses give positions in this list.
    pub events: &'a [Record],
    /// The hosts.
    pub topology: &'a Topology,
    /// When the load ended and the settle phase began.
    pub load_end: Moment,
    /// When the run ended.
    pub end: Moment,
    /// Why the run was stopped before its end, if it was.
    pub stopped_early: Option<String>,
    history: OnceCell<History>,
}

impl<'a> Evidence<'a> {
    /// The evidence of a run that went on to its end.
    pub fn new(
        events: &'a [Record],
        topology: &'a Topology,
        load_end: Moment,
        end: Moment,
    ) -> Self {
        Self {
            events,
            topology,
            load_end,
            end,
            stopped_early: None,
            history: OnceCell::new(),
        }
    }

    /// The same for a run that was stopped by `why`, where that is some text.
    #[must_use]
    pub fn stopped_early(mut self, why: Option<String>) -> Self {
        self.stopped_early = why;
        self
    }

    /// The client operations.
    pub fn history(&self) -> &History {
        self.history
            .get_or_init(|| History::from_events(self.events))
    }

    /// The reason why nothing can be said of the end of this run, if it has none.
    pub(crate) fn unfinished(&self) -> Option<Reason> {
        self.stopped_early.clone().map(Reason::StoppedEarly)
    }
}
