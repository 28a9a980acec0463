//! What a breaker remembers in each state of its law.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::counts::Mark;
use super::tally::Tally;
use super::{Counts, State, Window};

/// A state of the law, with what belongs to it.
#[derive(Debug)]
pub(super) enum Phase {
    Closed(Closed),
    Open { until: Instant },
    HalfOpen(Trials),
}

impl Phase {
    pub(super) const fn state(&self) -> State {
        match self {
            Self::Closed(_) => State::Closed,
            Self::Open { .. } => State::Open,
            Self::HalfOpen(_) => State::HalfOpen,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        match self {
            Self::Closed(closed) => *closed.tally.total(),
            Self::Open { .. } => Counts::default(),
            Self::HalfOpen(trials) => trials.counts,
        }
    }
}

/// Calls are let through and counted.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) tally: Tally,
    began: Instant,
    /// The end of a fixed interval.
    ends: Option<Instant>,
}

impl Closed {
    pub(super) fn new(window: Window, at: Instant) -> Self {
        let ends = match window {
            Window::Fixed(interval) => Some(at + interval),
            _ => None,
        };
        Self {
            tally: Tally::new(window),
            began: at,
            ends,
        }
    }

    /// Whether its interval is over. At its very end it is not.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.ends.is_some_and(|ends| now > ends)
    }

    pub(super) fn roll(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.began);
        self.tally.advance(elapsed.as_nanos());
    }
}

/// A few trials are let through.
#[derive(Debug, Default)]
pub(super) struct Trials {
    pub(super) counts: Counts,
    /// Those under way: their numbers and deadlines, the oldest first.
    under_way: VecDeque<(u64, Instant)>,
}

impl Trials {
    pub(super) fn admit(&mut self, number: u64, deadline: Instant) {
        self.counts.admit();
        self.under_way.push_back((number, deadline));
    }

    pub(super) fn end(&mut self, number: u64, mark: Mark) {
        self.under_way.retain(|trial| trial.0 != number);
        self.counts.charge(mark);
    }

    /// The deadline of a trial that hangs. At the deadline itself it does not.
    pub(super) fn missed(&self, now: Instant) -> Option<Instant> {
        let (_, deadline) = *self.under_way.front()?;
        (now > deadline).then_some(deadline)
    }
}
