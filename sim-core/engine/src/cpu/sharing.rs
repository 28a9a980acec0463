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
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

thread_local! {
    /// Whether the work that the present poll is charged is waited for.
    static AWAITED: Cell<bool> = const { Cell::new(false) };
}

/// Never, as an instant.
const NEVER: u64 = u64::MAX;

/// Work that shares the cores of a host.
pub(super) struct Sharing {
    cores: f64,
    /// What the clock of work showed at `since`, in nanoseconds.
    shown: f64,
    since: u64,
    /// By what that clock will show when they are done, and by their numbers.
    jobs: BTreeMap<(u64, u64), TaskId>,
    /// The numbers of those that are not done.
    undone: BTreeSet<u64>,
    /// How many were begun; the next one's number.
    begun: u64,
    /// Who waits for which of them.
    waiting: BTreeMap<u64, Vec<Waker>>,
    /// When it is looked whether some are done, if that is on the agenda.
    armed: u64,
}

impl Sharing {
    pub fn new(cores: usize) -> Self {
        Self {
            cores: cores as f64,
            shown: 0.0,
            since: 0,
            jobs: BTreeMap::new(),
            undone: BTreeSet::new(),
            begun: 0,
            waiting: BTreeMap::new(),
            armed: NEVER,
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
        self.undone.insert(self.begun);
        self.begun += 1;
    }

    /// When the next piece is done if none begins before.
    fn next(&self) -> Option<u64> {
        let (&(done, _), _) = self.jobs.first_key_value()?;
        let left = (f64::from_bits(done) - self.shown).max(0.0);
        Some(self.since + (left * self.stretch(self.jobs.len())).ceil() as u64)
    }

    /// Takes off those that are done at `now`, whose rest is less than the nanosecond of rounding; gives
    /// their numbers.
    fn take_done(&mut self, now: u64) -> Vec<(u64, TaskId)> {
        self.go_to(now);
        let mut done = Vec::new();
        while let Some(first) = self.jobs.first_entry() {
            let (shown, number) = *first.key();
            if f64::from_bits(shown) > self.shown + 0.5 / self.cores {
                break;
            }
            done.push((number, first.remove()));
            self.undone.remove(&number);
        }
        done
    }

    /// Forgets all of it: the process is gone. Gives who waited.
    pub fn clear(&mut self) -> Vec<Waker> {
        self.jobs.clear();
        self.undone.clear();
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_values().flatten().collect()
    }

    /// Whether the piece with this number is done; if not, `waker` is woken when it is.
    fn is_done(&mut self, number: u64, waker: &Waker) -> bool {
        if number < self.begun && !self.undone.contains(&number) {
            return true;
        }
        let waiting = self.waiting.entry(number).or_default();
        if !waiting.iter().any(|held| held.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        false
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
            entry.at_work = Some(NEVER);
        }
        if let Some(sharing) = &mut self.hosts[host as usize].cores.sharing {
            sharing.begin(clock::now(), length, task);
        }
        self.arm_sharing(host);
    }

    /// Sees to it that it is looked when the next piece is done. What was armed for an instant that is
    /// too early by now looks again then.
    fn arm_sharing(&mut self, host: u32) {
        let Some(sharing) = &mut self.hosts[host as usize].cores.sharing else {
            return;
        };
        if let Some(at) = sharing.next()
            && at < sharing.armed
        {
            sharing.armed = at;
            self.agenda.enter(at, Due::ShareDone { host });
        }
    }

    /// Whether there is no work on the shared cores of `host`.
    pub(crate) fn shares_nothing(&self, host: u32) -> bool {
        let sharing = self.hosts[host as usize].cores.sharing.as_ref();
        sharing.is_none_or(|sharing| sharing.count() == 0)
    }

    /// Some work on `host` may be done: who waits for it goes on.
    pub(crate) fn share_done(&mut self, host: u32) {
        let now = clock::now();
        let Some(sharing) = &mut self.hosts[host as usize].cores.sharing else {
            return;
        };
        if sharing.armed != now {
            return;
        }
        sharing.armed = NEVER;
        let done = sharing.take_done(now);
        let waiting = done
            .iter()
            .filter_map(|(number, _)| sharing.waiting.remove(number));
        let wakers: Vec<_> = waiting.flatten().collect();
        for (_, id) in done {
            if let Some(entry) = self.tasks.get_mut(id) {
                entry.at_work = None;
                // It was woken for something else meanwhile.
                if std::mem::take(&mut entry.queued) {
                    task::wake(id);
                }
            }
        }
        for waker in wakers {
            self.wake(Some(waker));
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

/// Completes when what the poll that first polls it was charged is worked off.
#[derive(Default)]
pub(super) struct Worked {
    /// The host, and the number of the work there.
    job: Option<(u32, u64)>,
}

impl Future for Worked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let job = self.job.or_else(|| {
            AWAITED.set(true);
            // What this poll is charged becomes the next piece of work when it ends.
            let host = process::current_host()?;
            inside(|machine| {
                let sharing = machine.hosts[host as usize].cores.sharing.as_ref()?;
                Some((host, sharing.begun))
            })
        });
        self.job = job;
        let is_done = inside(|machine| {
            let (host, number) = job?;
            let sharing = machine.hosts[host as usize].cores.sharing.as_mut()?;
            Some(sharing.is_done(number, cx.waker()))
        });
        if is_done == Some(false) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
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
