//! Waiting for a slot, in a way that loses none however it ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

use super::gate::{State, Waiter};
use super::machine::{Answer, Ticket};
use super::{Bulkhead, Permit, Refused};
use crate::overload::{Call, Priority};

/// A call that asks for a slot; see [`Bulkhead::acquire`].
#[must_use = "futures do nothing unless polled"]
pub struct Acquire {
    bulkhead: Bulkhead,
    priority: Priority,
    deadline: Option<Instant>,
    stage: Stage,
}

enum Stage {
    New,
    Waits {
        ticket: Ticket,
        /// Wakes it when its wait is over; nobody else does.
        timer: Option<Pin<Box<Sleep>>>,
    },
    Done,
}

impl Acquire {
    pub(super) fn new(bulkhead: Bulkhead, call: &Call) -> Self {
        Self {
            bulkhead,
            priority: call.priority,
            deadline: call.deadline.map(|deadline| deadline.instant()),
            stage: Stage::New,
        }
    }

    /// Asks; an answer that says "wait" changes the stage.
    fn ask(&mut self, waker: Waker) -> Poll<Result<Permit, Refused>> {
        self.stage = Stage::Done;
        let deadline = self.deadline;
        let answer = self.bulkhead.change(self.priority, |state, now| {
            let answer = state.machine.ask(deadline, now);
            if let Ok(Answer::Waits { ticket, .. }) = answer {
                state.waiters.insert(ticket, Waiter::Waits(waker));
            }
            answer
        });
        match answer {
            Ok(Answer::Admitted) => Poll::Ready(Ok(self.permit())),
            Ok(Answer::Waits { ticket, until }) => {
                let timer = until.map(|until| Box::pin(sleep_until(until)));
                self.stage = Stage::Waits { ticket, timer };
                Poll::Pending
            }
            Err(refused) => {
                self.bulkhead.tell_refused(self.priority, &refused);
                Poll::Ready(Err(refused))
            }
        }
    }

    /// Looks whether it was decided; if not, `waker` is the one to be woken from now on.
    fn look(&mut self, ticket: Ticket, waker: Waker) -> Poll<Result<Permit, Refused>> {
        let (verdict, _old) = self
            .bulkhead
            .change(self.priority, |state, _| state.look(ticket, waker));
        match verdict {
            None => Poll::Pending,
            Some(verdict) => {
                self.stage = Stage::Done;
                Poll::Ready(verdict.map(|()| self.permit()))
            }
        }
    }

    fn permit(&self) -> Permit {
        Permit::new(self.bulkhead.clone(), self.priority)
    }
}

impl State {
    /// The verdict, if there is one; else the waker that was replaced, which is not dropped under a lock.
    fn look(
        &mut self,
        ticket: Ticket,
        waker: Waker,
    ) -> (Option<Result<(), Refused>>, Option<Waker>) {
        match self.waiters.remove(&ticket) {
            Some(Waiter::Decided(verdict)) => (Some(verdict), Some(waker)),
            old => {
                self.waiters.insert(ticket, Waiter::Waits(waker));
                let Some(Waiter::Waits(old)) = old else {
                    return (None, None);
                };
                (None, Some(old))
            }
        }
    }

    /// Its call has gone away: leaves the queue, or passes on a slot that nobody came for.
    fn forget(&mut self, ticket: Ticket, now: Instant) -> Option<Waiter> {
        let waiter = self.waiters.remove(&ticket);
        match waiter {
            Some(Waiter::Decided(Ok(()))) => self.machine.end(None, now),
            Some(Waiter::Waits(_)) => self.machine.leave(ticket),
            _ => {}
        }
        waiter
    }
}

impl Future for Acquire {
    type Output = Result<Permit, Refused>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let waker = cx.waker().clone();
        let polled = match this.stage {
            Stage::New => this.ask(waker),
            Stage::Waits { ticket, .. } => this.look(ticket, waker),
            Stage::Done => Poll::Pending,
        };
        if polled.is_ready() {
            return polled;
        }
        let Stage::Waits { ticket, timer } = &mut this.stage else {
            return Poll::Pending;
        };
        match timer.as_mut().map(|timer| timer.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => {
                let ticket = *ticket;
                this.look(ticket, cx.waker().clone())
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Stage::Waits { ticket, .. } = self.stage {
            let _waker = self
                .bulkhead
                .change(self.priority, |state, now| state.forget(ticket, now));
        }
    }
}

impl std::fmt::Debug for Acquire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut acquire = f.debug_struct("Acquire");
        acquire
            .field("bulkhead", &self.bulkhead)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
