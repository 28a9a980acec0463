//! The state of one run, and the only door to it.

use crate::{
    agenda::{Agenda, Due},
    clock,
    faults::Faults,
    host::Host,
    network::Network,
    observe::OpenOperation,
    process::{Process, ProcessId},
    recorder::Recorder,
    task::{self, TaskEntry},
    timer::Timer,
};
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    task::Waker,
};
use windtunnel_record::{Event, Seed, Topology};

/// Everything a run consists of.
pub(crate) struct Machine {
    pub seed: Seed,
    pub topology: Topology,
    pub agenda: Agenda,
    pub recorder: Recorder,
    pub hosts: Vec<Host>,
    /// Which hosts have power. Apart from them, because every segment asks it of another one.
    pub power: Vec<bool>,
    pub processes: Vec<Process>,
    pub tasks: Arena<TaskEntry>,
    pub timers: Arena<Timer>,
    pub disk_operations: Arena<crate::disk::Operation>,
    pub network: Network,
    pub faults: Faults,
    /// Hosts whose process is to be started once the door is closed.
    pub to_boot: Vec<u32>,
    /// Processes that ended and whose futures are to be dropped once the door is closed.
    pub to_bury: Vec<ProcessId>,
    /// What the harness asked to sample: `(host, gauge)` readings are taken every `sample_every`.
    pub sample_every: u64,
    /// Hosts whose cores have been at work since they were last seen idle.
    pub to_sample: Vec<u32>,
    /// Hosts whose use of memory somebody wants to know.
    pub memory_watched: BTreeSet<u32>,
    pub gauges: BTreeMap<(u32, String), i64>,
    /// The last readings taken down.
    pub readings: BTreeMap<(u32, String), i64>,
    pub operations: u64,
    /// Operations that were begun and are not at their end.
    pub open_operations: BTreeMap<u64, OpenOperation>,
    /// When something last happened that was more than the harness's own time-keeping.
    pub last_active: u64,
    /// Facts that are stated once, by name and key.
    pub stated: BTreeSet<String>,
    /// Whether what services write to standard streams is shown.
    pub echo: bool,
    pub ended: bool,
    /// Whether the run is stuck when nothing can happen, even if no client waits.
    pub must_return: bool,
    pub polls_here: u64,
    pub polls_limit: u64,
    wakes: Vec<Waker>,
    retired: Vec<Waker>,
    stale_timers: usize,
}

thread_local! {
    /// The run of this thread; null without one, and [`OPEN`] while the door is open. A pointer, because
    /// the door is passed some thirty times for a request, and this costs an access to memory.
    static MACHINE: Cell<*mut Machine> = const { Cell::new(std::ptr::null_mut()) };
}

/// Stands in the place of the machine while somebody is inside.
const OPEN: *mut Machine = std::ptr::dangling_mut();

/// Closes the door, also behind a panic.
struct Door(*mut Machine);

impl Drop for Door {
    fn drop(&mut self) {
        MACHINE.set(self.0);
    }
}

/// Opens the door: runs `f` on the state of this thread's run, then wakes whom it woke. `None` when
/// there is no run on this thread, which is also the case while a run is being taken apart.
///
/// # Panics
/// If the door is open already: the engine calls nobody's code from inside.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Machine) -> R) -> Option<R> {
    let held = MACHINE.replace(OPEN);
    let door = Door(held);
    if held.is_null() {
        return None;
    }
    assert!(held != OPEN, "the engine was entered from inside");
    // SAFETY: `install` leaked the box, `take` alone takes it back and finds no machine while this
    // reference lives, because `OPEN` stands in its place.
    let machine = unsafe { &mut *held };
    let result = f(machine);
    if machine.wakes.is_empty() && machine.retired.is_empty() {
        return Some(result);
    }
    // Wakers run code of others, so they are called with the door closed.
    let wakes = std::mem::take(&mut machine.wakes);
    let retired = std::mem::take(&mut machine.retired);
    drop(door);
    drop(retired);
    for waker in wakes {
        waker.wake();
    }
    Some(result)
}

/// Like [`with`] for calls that make no sense outside a run.
///
/// # Panics
/// Outside a run.
#[inline]
#[track_caller]
pub(crate) fn inside<R>(f: impl FnOnce(&mut Machine) -> R) -> R {
    with(f).expect("this must be called from a task of a simulated host")
}

pub(crate) fn install(machine: Machine) {
    assert!(MACHINE.get().is_null(), "one run per thread");
    MACHINE.set(Box::into_raw(Box::new(machine)));
}

pub(crate) fn take() -> Option<Box<Machine>> {
    let held = MACHINE.replace(std::ptr::null_mut());
    assert!(held != OPEN, "the engine was entered from inside");
    // SAFETY: what is neither null nor the sign of the open door is the box that `install` leaked, and
    // it stands there no more.
    (!held.is_null()).then(|| unsafe { Box::from_raw(held) })
}

impl Machine {
    pub fn new(seed: Seed, topology: Topology, recorder: Recorder, network: Network) -> Self {
        Self {
            seed,
            topology,
            agenda: Agenda::default(),
            recorder,
            hosts: Vec::new(),
            power: Vec::new(),
            processes: Vec::new(),
            tasks: Arena::default(),
            timers: Arena::default(),
            disk_operations: Arena::default(),
            network,
            faults: Faults::default(),
            to_boot: Vec::new(),
            to_bury: Vec::new(),
            sample_every: 0,
            to_sample: Vec::new(),
            memory_watched: BTreeSet::new(),
            gauges: BTreeMap::new(),
            readings: BTreeMap::new(),
            operations: 0,
            open_operations: BTreeMap::new(),
            last_active: 0,
            stated: BTreeSet::new(),
            echo: false,
            ended: false,
            must_return: false,
            polls_here: 0,
            polls_limit: u64::MAX,
            wakes: Vec::new(),
            retired: Vec::new(),
            stale_timers: 0,
        }
    }

    /// Takes down an event at the present instant.
    pub fn note(&mut self, event: Event) {
        self.recorder.note(clock::now(), &event);
    }

    /// Wakes `waker`: when the door closes, if that runs code of others.
    pub fn wake(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if task::is_ours(&waker) => waker.wake(),
            waker => self.wakes.extend(waker),
        }
    }

    /// Drops `waker` when the door is closed: it may own what drops into the engine again.
    pub fn retire(&mut self, waker: Option<Waker>) {
        self.retired
            .extend(waker.filter(|waker| !task::is_ours(waker)));
    }

    /// Puts `waker` into `slot` unless the one there wakes the same task.
    pub fn register(retired: &mut Vec<Waker>, slot: &mut Option<Waker>, waker: &Waker) {
        if !slot.as_ref().is_some_and(|held| held.will_wake(waker)) {
            let before = slot.replace(waker.clone());
            retired.extend(before.filter(|waker| !task::is_ours(waker)));
        }
    }

    /// The list that [`Machine::register`] retires into, apart from the rest of the machine.
    pub fn retired(&mut self) -> &mut Vec<Waker> {
        &mut self.retired
    }

    /// Counts a cancelled timer; when most of the agenda is stale it is cleaned.
    pub fn timer_cancelled(&mut self) {
        self.stale_timers += 1;
        if self.stale_timers > 1024 && self.stale_timers > self.agenda.len() / 2 {
            let timers = &self.timers;
            self.agenda.retain(|due| match due {
                Due::Timer(id) => timers.get(*id).is_some(),
                _ => true,
            });
            self.stale_timers = 0;
        }
    }
}

/// Values under numbers that are never mistaken for an earlier one: index and generation.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

/// The number of a value in an [`Arena`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArenaId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ArenaId {
    /// A number that nothing has.
    pub(crate) const NONE: Self = Self {
        index: u32::MAX,
        generation: 0,
    };

    /// One number that tells it from all others of its run.
    pub(crate) fn as_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Arena<T> {
    pub fn insert(&mut self, value: T) -> ArenaId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let (generation, slot) = &mut self.slots[index as usize];
        *slot = Some(value);
        ArenaId {
            index,
            generation: *generation,
        }
    }

    pub fn get(&self, id: ArenaId) -> Option<&T> {
        let (generation, slot) = self.slots.get(id.index as usize)?;
        slot.as_ref().filter(|_| *generation == id.generation)
    }

    pub fn get_mut(&mut self, id: ArenaId) -> Option<&mut T> {
        let (generation, slot) = self.slots.get_mut(id.index as usize)?;
        slot.as_mut().filter(|_| *generation == id.generation)
    }

    /// The value at an index, whatever its number.
    pub fn slot(&self, index: u32) -> Option<&T> {
        self.slots.get(index as usize)?.1.as_ref()
    }

    pub fn remove(&mut self, id: ArenaId) -> Option<T> {
        let (generation, slot) = self.slots.get_mut(id.index as usize)?;
        if *generation != id.generation {
            return None;
        }
        let value = slot.take()?;
        *generation += 1;
        self.free.push(id.index);
        Some(value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (ArenaId, &T)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, (generation, slot))| {
                let id = ArenaId {
                    index: index as u32,
                    generation: *generation,
                };
                slot.as_ref().map(|value| (id, value))
            })
    }
}
