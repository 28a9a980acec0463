//! The attempts of one call, all polled by the call's own future.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::retry::Grant;
use crate::timeout::Deadline;

/// One attempt under way.
struct Runner<F> {
    future: Pin<Box<F>>,
    number: u32,
    grant: Grant,
    deadline: Option<Deadline>,
}

/// An attempt that ended.
pub(super) struct Arrival<O> {
    /// Its number, from 1.
    pub(super) number: u32,
    /// What it holds of the budget.
    pub(super) grant: Grant,
    /// What it came to; none if it was cut off.
    pub(super) outcome: Option<O>,
}

/// Attempts under way, in the order in which they began. Dropping it drops them all.
pub(super) struct Race<F> {
    runners: Vec<Runner<F>>,
}

impl<F: Future> Race<F> {
    pub(super) const fn new() -> Self {
        Self {
            runners: Vec::new(),
        }
    }

    /// Puts an attempt into the race.
    pub(super) fn start(
        &mut self,
        future: F,
        number: u32,
        grant: Grant,
        deadline: Option<Deadline>,
    ) {
        self.runners.push(Runner {
            future: Box::pin(future),
            number,
            grant,
            deadline,
        });
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.runners.is_empty()
    }

    /// The next attempt that ends or is cut off; none if `until` comes first. What ends at that very
    /// instant has ended before.
    pub(super) async fn next(&mut self, until: Option<Instant>) -> Option<Arrival<F::Output>> {
        let cuts = self.runners.iter().filter_map(|runner| runner.deadline);
        let wake = cuts.map(Deadline::instant).chain(until).min();
        let mut alarm = wake.map(|instant| Box::pin(sleep_until(instant)));
        poll_fn(|cx| {
            if let Some(arrival) = self.poll_runners(cx) {
                return Poll::Ready(Some(arrival));
            }
            let rings = |alarm: &mut Pin<Box<Sleep>>| alarm.as_mut().poll(cx).is_ready();
            if alarm.as_mut().is_some_and(rings) {
                return Poll::Ready(self.cut(Instant::now()));
            }
            Poll::Pending
        })
        .await
    }

    fn poll_runners(&mut self, cx: &mut Context<'_>) -> Option<Arrival<F::Output>> {
        for index in 0..self.runners.len() {
            if let Poll::Ready(outcome) = self.runners[index].future.as_mut().poll(cx) {
                return Some(self.take(index, Some(outcome)));
            }
        }
        None
    }

    /// Takes out an attempt whose deadline has passed.
    fn cut(&mut self, now: Instant) -> Option<Arrival<F::Output>> {
        let is_late = |runner: &Runner<F>| runner.deadline.is_some_and(|d| d.has_passed(now));
        let index = self.runners.iter().position(is_late)?;
        Some(self.take(index, None))
    }

    fn take(&mut self, index: usize, outcome: Option<F::Output>) -> Arrival<F::Output> {
        let runner = self.runners.remove(index);
        Arrival {
            number: runner.number,
            grant: runner.grant,
            outcome,
        }
    }
}
