//! Timers of services: cancellable, cheap, exact.

use crate::{
    agenda::Due,
    clock,
    machine::{ArenaId, Machine, inside, with},
};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// The number of an armed timer.
pub(crate) type TimerId = ArenaId;

/// An armed timer.
pub(crate) struct Timer {
    waker: Option<Waker>,
}

impl Machine {
    pub(crate) fn timer_due(&mut self, id: TimerId) {
        if let Some(timer) = self.timers.remove(id) {
            self.wake(timer.waker);
        }
    }
}

/// Completes at an instant. Dropping it cancels the timer.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Until {
    at: u64,
    armed: Option<TimerId>,
}

/// Completes at `at`, in nanoseconds of the run; at once if that is not in the future.
pub fn until(at: u64) -> Until {
    Until { at, armed: None }
}

impl Until {
    /// The instant, in nanoseconds of the run.
    pub const fn at(&self) -> u64 {
        self.at
    }

    /// Whether the instant has come.
    pub fn is_elapsed(&self) -> bool {
        clock::now() >= self.at
    }

    /// Moves the instant. The task is not woken by this.
    pub fn reset(&mut self, at: u64) {
        self.disarm();
        self.at = at;
    }

    fn disarm(&mut self) {
        if let Some(id) = self.armed.take() {
            with(|machine| {
                if let Some(timer) = machine.timers.remove(id) {
                    machine.retire(timer.waker);
                    machine.timer_cancelled();
                }
            });
        }
    }
}

impl Future for Until {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_elapsed() {
            self.disarm();
            return Poll::Ready(());
        }
        let at = self.at;
        let armed = self.armed;
        self.armed = inside(|machine| {
            if let Some(id) = armed
                && let Some(timer) = machine.timers.get_mut(id)
            {
                let mut slot = timer.waker.take();
                Machine::register(machine.retired(), &mut slot, cx.waker());
                if let Some(timer) = machine.timers.get_mut(id) {
                    timer.waker = slot;
                }
                return armed;
            }
            let id = machine.timers.insert(Timer {
                waker: Some(cx.waker().clone()),
            });
            machine.agenda.enter(at, Due::Timer(id));
            Some(id)
        });
        Poll::Pending
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        self.disarm();
    }
}
