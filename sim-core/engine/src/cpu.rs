//! Cores: each poll of a task occupies one for as long as it costs, and waits when none is free.
//!
//! The queue is first come, first served, over all tasks of a host, unless its cores are shared
//! (`cpu/sharing.rs`). So overload, queueing and metastable states arise by themselves, also in code that
//! knows nothing of it. What a poll sends leaves when the work done so far in that poll is done; on
//! shared cores, when it would be done if nobody came or went meanwhile.

mod sharing;

use crate::{
    agenda::Due,
    clock,
    host::CpuCost,
    machine::{Machine, inside},
    process,
    task::{self, TaskId},
    timer::{self, TimerId},
};
use sharing::Sharing;
use std::{cell::Cell, collections::VecDeque, task::Waker, time::Duration};
use windtunnel_record::{Scheduling, Span};

thread_local! {
    static CHARGED: Cell<u64> = const { Cell::new(0) };
    /// By how much that takes longer, because others share the cores.
    static STRETCH: Cell<f64> = const { Cell::new(1.0) };
    /// The timer at which work that began in the present poll will be done.
    static AT_WORK: Cell<Option<TimerId>> = const { Cell::new(None) };
}

/// The cores of a host. What each poll looks at stands first and together.
#[repr(C, align(64))]
pub(crate) struct Cores {
    poll_nanos: u64,
    byte_picos: u64,
    /// When a task that waits will be let in, if that is on the agenda.
    armed: u64,
    /// When the first core is free, and when the others are.
    free_at: u64,
    /// Who shares them, if they are shared; then nobody waits.
    sharing: Option<Box<Sharing>>,
    /// Who waits for one, if ever somebody did.
    waiting: Option<Box<Waiting>>,
    /// Whether they are looked at when gauges are read: they have been at work since they were idle.
    pub is_watched: bool,
    others_free_at: Vec<u64>,
    /// The speed when nothing starves them.
    usual: f64,
    /// The faults that starve them, and the share that each leaves.
    starved: Vec<(u32, f64)>,
    speed: f64,
    cost: CpuCost,
}

type Waiting = VecDeque<TaskId>;

// What looks ahead fetches one line of the processor's cache.
const _: () = assert!(std::mem::offset_of!(Cores, is_watched) < 64);

/// A core held by no task until its poll ends.
pub(crate) const RESERVED: u64 = u64::MAX;

impl Cores {
    pub fn new(count: usize, scheduling: Scheduling, speed: f64, cost: CpuCost) -> Self {
        let mut cores = Self {
            free_at: 0,
            others_free_at: vec![0; count.max(1) - 1],
            waiting: None,
            sharing: (scheduling == Scheduling::ProcessorSharing)
                .then(|| Box::new(Sharing::new(count.max(1)))),
            usual: speed,
            starved: Vec::new(),
            speed: 1.0,
            cost,
            poll_nanos: 0,
            byte_picos: 0,
            armed: RESERVED,
            is_watched: false,
        };
        cores.set_speed(speed);
        cores
    }

    /// A fault leaves a share of the speed.
    pub fn starve(&mut self, fault: u32, share: f64) {
        self.starved.push((fault, share));
        self.apply_shares();
    }

    /// The fault is over.
    pub fn feed(&mut self, fault: u32) {
        self.starved.retain(|(starves, _)| *starves != fault);
        self.apply_shares();
    }

    fn apply_shares(&mut self) {
        let shares: f64 = self.starved.iter().map(|(_, share)| share).product();
        self.set_speed(self.usual * shares);
    }

    /// Changes the speed for polls that begin from now on.
    fn set_speed(&mut self, speed: f64) {
        self.speed = speed.max(1e-6);
        self.poll_nanos = self.cost.per_poll.mul_f64(1.0 / self.speed).as_nanos();
        let picos = self
            .cost
            .per_byte
            .saturating_mul(1000)
            .mul_f64(1.0 / self.speed);
        self.byte_picos = picos.as_nanos();
    }

    /// Tasks that wait for a core; on shared ones, how many more there are than cores.
    pub fn queue_depth(&self) -> usize {
        match &self.sharing {
            Some(sharing) => sharing.count().saturating_sub(self.count()),
            None => self.waiting.as_ref().map_or(0, |waiting| waiting.len()),
        }
    }

    /// How many cores there are.
    pub fn count(&self) -> usize {
        1 + self.others_free_at.len()
    }

    /// Cores that are at work at `now`.
    pub fn busy(&self, now: u64) -> usize {
        match &self.sharing {
            Some(sharing) => sharing.count().min(self.count()),
            None => self.all_free_at().filter(|&free| free > now).count(),
        }
    }

    fn free_core(&self, now: u64) -> Option<u32> {
        let free = self.all_free_at().position(|free| free <= now);
        free.map(|core| core as u32)
    }

    fn all_free_at(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.free_at).chain(self.others_free_at.iter().copied())
    }

    fn set_free_at(&mut self, core: u32, at: u64) {
        match core {
            0 => self.free_at = at,
            other => self.others_free_at[other as usize - 1] = at,
        }
    }

    /// Lets `task` begin a poll at `now`: the core it gets, or none if it has to wait.
    pub fn admit(&mut self, task: TaskId, now: u64) -> Option<u32> {
        if self.sharing.is_some() {
            STRETCH.set(self.stretch());
            return Some(0);
        }
        if !self.somebody_waits()
            && let Some(core) = self.free_core(now)
        {
            self.set_free_at(core, RESERVED);
            return Some(core);
        }
        self.waiting.get_or_insert_default().push_back(task);
        None
    }

    fn somebody_waits(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| !waiting.is_empty())
    }

    /// Gives a core back; it is busy until `until`.
    pub fn release(&mut self, core: u32, until: u64) {
        self.set_free_at(core, until);
    }

    /// The next task that can be let in at `now`, and the core reserved for it.
    fn next(&mut self, now: u64) -> Option<(TaskId, u32)> {
        let core = self.free_core(now)?;
        let task = self.waiting.as_mut()?.pop_front()?;
        self.set_free_at(core, RESERVED);
        Some((task, core))
    }

    /// When the next core becomes free, if somebody waits for it and nothing is armed for then.
    fn next_to_arm(&mut self) -> Option<u64> {
        if !self.somebody_waits() {
            return None;
        }
        let soonest = self.all_free_at().min().filter(|&free| free != RESERVED)?;
        if self.armed <= soonest {
            return None;
        }
        self.armed = soonest;
        Some(soonest)
    }

    /// Forgets all work: the process is gone. Gives who waited for some of it.
    #[must_use = "wakers are dropped with the door closed"]
    pub fn clear(&mut self, now: u64) -> Vec<Waker> {
        self.waiting = None;
        self.free_at = now;
        self.others_free_at.fill(now);
        let sharing = self.sharing.as_mut();
        sharing.map(|sharing| sharing.clear()).unwrap_or_default()
    }
}

impl Machine {
    /// Puts the end of the present work of `host` on the agenda if somebody waits for it.
    pub fn arm_cores(&mut self, host: u32) {
        if let Some(at) = self.hosts[host as usize].cores.next_to_arm() {
            self.agenda
                .enter(at.max(clock::now()), Due::CoreFree { host });
        }
    }

    /// Ends a poll of `task` on `core` at `departure`: gives the core back, unless the task is at work
    /// on it, which then goes on there when it is done.
    pub fn end_poll(&mut self, host: u32, task: TaskId, core: u32, is_pending: bool) {
        if self.hosts[host as usize].cores.sharing.is_some() {
            return self.share(host, task, CHARGED.get(), is_pending);
        }
        let at_work = AT_WORK.take().filter(|_| is_pending);
        let timer = at_work.and_then(|timer| self.timers.get_mut(timer));
        if let (Some(timer), Some(entry)) = (timer, self.tasks.get_mut(task)) {
            timer.worker = Some(task);
            entry.granted = Some(core);
            entry.at_work = Some(departure());
            return;
        }
        self.hosts[host as usize].cores.release(core, departure());
        self.arm_cores(host);
    }

    /// What `task` works at is done: it goes on, on its core.
    pub fn work_done(&mut self, task: TaskId) {
        if let Some(entry) = self.tasks.get_mut(task) {
            entry.at_work = None;
            task::wake(task);
        }
    }

    /// Nobody waits any more for what `task` works at: its core is its own no longer, and busy until
    /// the work is done.
    pub fn abandon_work(&mut self, task: TaskId) {
        let abandoned = self.tasks.get_mut(task).and_then(|entry| {
            let until = entry.at_work.take()?;
            Some((entry.process, entry.granted.take(), until))
        });
        if let Some((process, core, until)) = abandoned {
            self.give_back(process, core, until);
        }
    }

    /// Gives back a core that was reserved for a task of `process`; it is busy until `until`.
    pub fn give_back(&mut self, process: process::ProcessId, core: Option<u32>, until: u64) {
        let process = &self.processes[process as usize];
        if let (Some(core), true) = (core, process.alive) {
            let host = process.host;
            self.hosts[host as usize].cores.release(core, until);
            self.arm_cores(host);
        }
    }

    /// A core of `host` became free: lets waiting tasks in.
    pub fn core_free(&mut self, host: u32) {
        let now = clock::now();
        self.hosts[host as usize].cores.armed = RESERVED;
        while let Some((task, core)) = self.hosts[host as usize].cores.next(now) {
            match self.tasks.get_mut(task) {
                Some(entry) => {
                    entry.granted = Some(core);
                    entry.queued = false;
                    task::wake(task);
                }
                None => self.hosts[host as usize].cores.release(core, now),
            }
        }
        self.arm_cores(host);
    }
}

/// Begins the account of a poll.
pub(crate) fn begin_poll() {
    CHARGED.set(0);
    STRETCH.set(1.0);
    AT_WORK.set(None);
    sharing::begin_poll();
}

/// The work that was charged to the present poll is awaited by `timer`.
pub(crate) fn await_work(timer: TimerId) {
    AT_WORK.set(Some(timer));
}

/// When what is sent now leaves the host: after the work done so far.
pub(crate) fn departure() -> u64 {
    let charged = CHARGED.get();
    let stretch = STRETCH.get();
    if stretch == 1.0 {
        return clock::now() + charged;
    }
    clock::now() + (charged as f64 * stretch) as u64
}

/// Charges the start of a poll.
pub(crate) fn charge_poll(cores: &Cores) {
    CHARGED.set(CHARGED.get() + cores.poll_nanos);
}

/// Charges the handling of `bytes` bytes.
pub(crate) fn charge_bytes(cores: &Cores, bytes: usize) {
    CHARGED.set(CHARGED.get() + bytes as u64 * cores.byte_picos / 1000);
}

/// Charges `span` of work on a core of speed 1 to the present poll. What follows in this poll leaves
/// the host only after it. Outside a task of a simulated host it does nothing.
pub fn charge(span: Duration) {
    let Some(host) = process::current_host() else {
        return;
    };
    let speed = inside(|machine| machine.hosts[host as usize].cores.speed);
    let scaled = Span::from(span).mul_f64(1.0 / speed).as_nanos();
    CHARGED.set(CHARGED.get() + scaled);
}

/// Works for `span` on a core of speed 1: the core is occupied, and the future completes when the
/// work is done. Other tasks of the host wait if no other core is free; where cores are shared nobody
/// waits, and the work takes longer the more others work.
///
/// The task goes on where it worked, ahead of those that wait for the core: it does not queue a second
/// time for what comes after its work. Until then it is polled for nothing else.
///
/// Cancellation: work that has begun is charged even if the future is dropped.
pub async fn work(span: Duration) {
    charge(span);
    if sharing::is_shared() {
        sharing::Worked::default().await;
    } else {
        timer::until_worked(departure()).await;
    }
}
