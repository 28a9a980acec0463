//! Timers of services: cancellable, cheap, exact.

use crate::{
    agenda::Due,
    clock, cpu,
    machine::{ArenaId, Machine, inside, with},
    process,
    task::TaskId,
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
    /// The host by whose clock it goes; none while no host has a clock of its own.
    host: Option<u32>,
    /// The task whose work is done then.
    pub worker: Option<TaskId>,
}

impl Machine {
    pub(crate) fn timer_due(&mut self, id: TimerId) {
        if let Some(timer) = self.timers.remove(id) {
            self.wake(timer.waker);
            if let Some(task) = timer.worker {
                self.work_done(task);
            }
        }
    }

    /// The clock of a host goes at another rate: whoever waits by it looks again.
    pub(crate) fn wake_timers_of(&mut self, host: u32) {
        let wakers: Vec<_> = self
            .timers
            .iter()
            .filter(|(_, timer)| timer.host == Some(host))
            .map(|(_, timer)| timer.waker.clone())
            .collect();
        for waker in wakers {
            self.wake(waker);
        }
    }
}

/// Completes at an instant. Dropping it cancels the timer.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Until {
    at: u64,
    /// Whether `at` is what the host's clock shows, or true time.
    is_shown: bool,
    armed: Option<TimerId>,
    /// The true instant for which it is armed.
    armed_for: u64,
    is_work: bool,
}

/// Completes at `at`, in nanoseconds of the run; at once if that is not in the future.
pub fn until(at: u64) -> Until {
    Until {
        at,
        is_shown: false,
        armed: None,
        armed_for: 0,
        is_work: false,
    }
}

/// Completes when the monotonic clock of the present host shows `at`; at once if it does already.
pub fn until_shown(at: u64) -> Until {
    Until {
        is_shown: true,
        ..until(at)
    }
}

/// Completes at `at`, when the work of the present poll is done.
pub(crate) fn until_worked(at: u64) -> Until {
    Until {
        is_work: true,
        ..until(at)
    }
}

impl Until {
    /// Whether the instant has come.
    pub fn is_elapsed(&self) -> bool {
        let now = if self.is_shown {
            clock::shown()
        } else {
            clock::now()
        };
        now >= self.at
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
                    if let Some(task) = timer.worker {
                        machine.abandon_work(task);
                    }
                }
            });
        }
    }

    /// The true instant to wait for, and the host by whose clock.
    fn target(&self) -> (u64, Option<u32>) {
        if self.is_shown && clock::are_own() {
            (clock::when(self.at), process::current_host_of_clock())
        } else {
            (self.at, None)
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
        let (at, host) = self.target();
        if at != self.armed_for {
            self.disarm();
            self.armed_for = at;
        }
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
                host,
                worker: None,
            });
            machine.agenda.enter(at, Due::Timer(id));
            Some(id)
        });
        if self.is_work
            && armed.is_none()
            && let Some(id) = self.armed
        {
            cpu::await_work(id);
        }
        Poll::Pending
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        self.disarm();
    }
}
