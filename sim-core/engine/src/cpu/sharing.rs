//! Processor sharing: all work on a host goes on at once, and each piece of it at the same pace, as under
//! a fair scheduler whose time slices are short.
//!
//! With n pieces of work on c cores each goes on at c/n of a core's speed, and at that speed while n is
//! at most c. A clock of work shows how far one has come who was there from the beginning: it goes at
//! that pace, so that a piece is done when the clock shows what it showed at its begin and the piece's
//! length. Source of the idea: A. Demers, S. Keshav, S. Shenker, *Analysis and simulation of a fair
//! queueing algorithm* (1989).

use super::Cores;
use crate::{
    agenda::Due,
    clock,
    machine::{Machine, inside},
    process,
    task::{self, TaskId},
};
use std::{
    cell::Cell,
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

thread_local! {
    /// Whether the work that the present poll was charged is waited for.
    static AWAITED: Cell<bool> = const { Cell::new(false) };
}

/// Work that shares the cores of a host.
#[derive(Default)]
pub(super) struct Sharing {
    cores: f64,
    /// What the clock of work showed at `since`, in nanoseconds.
    shown: f64,
    since: u64,
    /// By what that clock will show when they are done, and by the order in which they began.
    jobs: BTreeMap<(u64, u64), TaskId>,
    begun: u64,
    /// Tells the present entry of the agenda from earlier ones.
    epoch: u32,
}

impl Sharing {
    pub fn new(cores: usize) -> Self {
        Self {
            cores: cores as f64,
            ..Self::default()
        }
    }

    /// How many pieces of work there are.
    pub fn count(&self) -> usize {
        self.jobs.len()
    }

    /// By how much one piece takes longer if there are `count`.
    fn stretch(&self, count: usize) -> f64 {
        (count as f64 / self.cores).max(1.0)
    }

    /// Brings the clock of work to `now`.
    fn go_to(&mut self, now: u64) {
        let pace = 1.0 / self.stretch(self.jobs.len());
        self.shown += (now - self.since) as f64 * pace;
        self.since = now;
    }

    fn begin(&mut self, now: u64, length: u64, task: TaskId) {
        self.go_to(now);
        let done = self.shown + length as f64;
        // The bits of numbers that are not negative are in the order of the numbers.
        self.jobs.insert((done.to_bits(), self.begun), task);
        self.begun += 1;
    }

    /// When the next piece is done if none begins before.
    fn next(&self) -> Option<u64> {
        let (&(done, _), _) = self.jobs.first_key_value()?;
        let left = (f64::from_bits(done) - self.shown).max(0.0);
        Some(self.since + (left * self.stretch(self.jobs.len())).ceil() as u64)
    }

    /// Takes off those that are done at `now`: whose rest is less than the nanosecond of rounding.
    fn take_done(&mut self, now: u64) -> Vec<TaskId> {
        self.go_to(now);
        let mut done = Vec::new();
        while let Some(first) = self.jobs.first_entry() {
            if f64::from_bits(first.key().0) > self.shown + 0.5 / self.cores {
                break;
            }
            done.push(first.remove());
        }
        done
    }

    /// Forgets all of it: the process is gone.
    pub fn clear(&mut self) {
        self.jobs.clear();
        self.epoch += 1;
    }
}

impl Cores {
    /// By how much a poll that begins now takes longer because others share the cores.
    pub(super) fn stretch(&self) -> f64 {
        let sharing = self.sharing.as_ref();
        sharing.map_or(1.0, |sharing| sharing.stretch(sharing.count() + 1))
    }
}

impl Machine {
    /// What a poll of `task` was charged is worked off from now on, beside all other work.
    pub(super) fn share(&mut self, host: u32, task: TaskId, length: u64, is_pending: bool) {
        let is_awaited = AWAITED.take() && is_pending;
        if length == 0 && !is_awaited {
            return;
        }
        if let Some(entry) = self.tasks.get_mut(task).filter(|_| is_pending) {
            entry.at_work = Some(u64::MAX);
            entry.queued = is_awaited;
        }
        if let Some(sharing) = &mut self.hosts[host as usize].cores.sharing {
            sharing.begin(clock::now(), length, task);
        }
        self.arm_sharing(host);
    }

    fn arm_sharing(&mut self, host: u32) {
        let Some(sharing) = &mut self.hosts[host as usize].cores.sharing else {
            return;
        };
        sharing.epoch += 1;
        let epoch = sharing.epoch;
        if let Some(at) = sharing.next() {
            self.agenda.enter(at, Due::ShareDone { host, epoch });
        }
    }

    /// Whether the work of `host` has changed since this was entered.
    pub(crate) fn is_share_over(&self, host: u32, epoch: u32) -> bool {
        let sharing = self.hosts[host as usize].cores.sharing.as_ref();
        sharing.is_none_or(|sharing| sharing.epoch != epoch)
    }

    /// Some work on `host` is done: its tasks go on if anything waits for that.
    pub(crate) fn share_done(&mut self, host: u32, epoch: u32) {
        if self.is_share_over(host, epoch) {
            return;
        }
        let Some(sharing) = &mut self.hosts[host as usize].cores.sharing else {
            return;
        };
        for id in sharing.take_done(clock::now()) {
            if let Some(entry) = self.tasks.get_mut(id) {
                entry.at_work = None;
                if std::mem::take(&mut entry.queued) {
                    task::wake(id);
                }
            }
        }
        self.arm_sharing(host);
    }
}

/// Begins the account of a poll.
pub(super) fn begin_poll() {
    AWAITED.set(false);
}

/// Whether the cores of the present host are shared.
pub(super) fn is_shared() -> bool {
    let Some(host) = process::current_host() else {
        return false;
    };
    inside(|machine| machine.hosts[host as usize].cores.sharing.is_some())
}

/// Completes when what the present poll was charged is worked off. The task is polled for nothing else
/// until then, so its next poll is that.
#[derive(Default)]
pub(super) struct Worked {
    is_begun: bool,
}

impl Future for Worked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.is_begun {
            return Poll::Ready(());
        }
        self.is_begun = true;
        AWAITED.set(true);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::ArenaId;

    fn shared(cores: usize, jobs: &[(u64, u64)]) -> Vec<u64> {
        let mut sharing = Sharing::new(cores);
        let mut jobs = jobs.iter().copied().peekable();
        let mut ends = Vec::new();
        loop {
            let next = sharing.next();
            match jobs.peek() {
                Some(&(at, length)) if next.is_none_or(|next| at < next) => {
                    sharing.begin(at, length, ArenaId::NONE);
                    jobs.next();
                }
                _ => {
                    let Some(at) = next else { return ends };
                    ends.extend(sharing.take_done(at).iter().map(|_| at));
                }
            }
        }
    }

    #[test]
    fn who_is_alone_works_at_full_speed() {
        assert_eq!(shared(1, &[(0, 100), (500, 30)]), [100, 530]);
    }

    #[test]
    fn two_on_one_core_take_twice_as_long_while_both_are_there() {
        // The second comes when the first has 40 to go: they share 80, then it has 60 left alone.
        assert_eq!(shared(1, &[(0, 100), (60, 100)]), [140, 200]);
    }

    #[test]
    fn as_many_as_there_are_cores_do_not_notice_each_other() {
        assert_eq!(shared(2, &[(0, 100), (10, 50)]), [60, 100]);
        assert_eq!(shared(2, &[(0, 100), (0, 100), (0, 100)]), [150, 150, 150]);
    }

    #[test]
    fn a_short_piece_passes_long_ones() {
        assert_eq!(shared(1, &[(0, 1_000), (0, 10)]), [20, 1_010]);
    }
}
