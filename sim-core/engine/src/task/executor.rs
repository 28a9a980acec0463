//! The executor: of the tasks that are ready, one drawn by the schedule is polled next.
//!
//! All tasks of a run share its thread, so a waker is nothing but a number: it names a run and one of
//! its tasks, and waking puts that task on the run's list of ready ones, once. Cloning and dropping a
//! waker costs nothing and runs no code, so the engine wakes tasks while its door is open. A number
//! whose task is over, or whose run is, wakes nobody.

use super::wrapper;
use crate::machine::ArenaId;
use std::{
    cell::Cell,
    mem::ManuallyDrop,
    sync::atomic::{AtomicU16, Ordering},
    task::{RawWaker, RawWakerVTable, Waker},
};
use windtunnel_record::{Seed, Stream};

/// The tasks of a run that wait for a poll.
struct Ready {
    run: u16,
    list: Vec<ArenaId>,
    tasks: Vec<Slot>,
    order: Stream,
}

/// What is known of the task with a number.
#[derive(Clone, Copy, Default)]
struct Slot {
    generation: u32,
    is_alive: bool,
    is_listed: bool,
}

thread_local! {
    /// The list of this thread's run; null without one. It is a pointer and not behind the door, because
    /// wakers are called from both sides of the door.
    static READY: Cell<*mut Ready> = const { Cell::new(std::ptr::null_mut()) };
}

/// Tells wakers of one run from those of all others, which a program may keep in a static.
static RUNS: AtomicU16 = AtomicU16::new(0);

/// Begins a run on this thread; `schedule` is the seed of the order of tasks.
pub(crate) fn start(schedule: u64) {
    stop();
    READY.set(Box::into_raw(Box::new(Ready {
        run: RUNS.fetch_add(1, Ordering::Relaxed),
        list: Vec::new(),
        tasks: Vec::new(),
        order: Seed(schedule).stream("order"),
    })));
}

/// Ends the run of this thread: its wakers wake nobody any more.
pub(crate) fn stop() {
    let held = READY.replace(std::ptr::null_mut());
    if !held.is_null() {
        // SAFETY: `start` leaked it, and it stands there no more.
        drop(unsafe { Box::from_raw(held) });
    }
}

/// Polls ready tasks until none is.
pub(crate) fn run_until_idle() {
    while let Some(task) = next() {
        wrapper::poll(task);
    }
}

/// Runs `f`, which must not call anybody's code, on the list of this thread's run.
#[inline]
fn with<R>(f: impl FnOnce(&mut Ready) -> R) -> Option<R> {
    // SAFETY: `start` leaked the box and `stop` alone takes it back. No `f` of this module calls back
    // into it, so there is one reference at a time.
    unsafe { READY.get().as_mut() }.map(f)
}

/// The task that is polled next. Nothing is drawn where there is no choice.
fn next() -> Option<ArenaId> {
    with(|ready| {
        loop {
            let at = match ready.list.len() {
                0 => return None,
                1 => 0,
                several => ready.order.below(several as u64) as usize,
            };
            let task = ready.list.swap_remove(at);
            let slot = &mut ready.tasks[task.index as usize];
            if slot.is_alive && slot.generation == task.generation {
                slot.is_listed = false;
                return Some(task);
            }
        }
    })?
}

/// Takes a new task in; it is ready.
///
/// # Panics
/// If there are more tasks than wakers can name.
pub(super) fn admit(task: ArenaId) {
    assert!(
        u64::from(task.index) <= INDEX,
        "a run has too many tasks at once"
    );
    with(|ready| {
        let index = task.index as usize;
        if ready.tasks.len() <= index {
            ready.tasks.resize(index + 1, Slot::default());
        }
        ready.tasks[index] = Slot {
            generation: task.generation,
            is_alive: true,
            is_listed: true,
        };
        ready.list.push(task);
    });
}

/// Forgets a task that is over.
pub(super) fn forget(task: ArenaId) {
    with(|ready| {
        let Some(slot) = ready.tasks.get_mut(task.index as usize) else {
            return;
        };
        if slot.generation == task.generation {
            // If it is on the list it is passed over when its turn comes.
            slot.is_alive = false;
            slot.is_listed = false;
        }
    });
}

/// Puts a task on the list of ready ones unless it is there or is over.
pub(crate) fn wake(task: ArenaId) {
    with(|ready| ready.wake(task.index, task.generation));
}

impl Ready {
    fn wake(&mut self, index: u32, generation: u32) {
        let Some(slot) = self.tasks.get_mut(index as usize) else {
            return;
        };
        let is_it = slot.generation & GENERATION == generation & GENERATION;
        if is_it && slot.is_alive && !slot.is_listed {
            slot.is_listed = true;
            let generation = slot.generation;
            self.list.push(ArenaId { index, generation });
        }
    }
}

// A waker's number: 16 bits of its run, 24 of the task's generation, 24 of its index. That a
// generation comes round again needs sixteen million tasks in one place; the price is a poll in vain.
const INDEX: u64 = (1 << 24) - 1;
const GENERATION: u32 = (1 << 24) - 1;

const _: () = assert!(size_of::<*const ()>() == 8, "wakers are numbers of 64 bits");

fn number(run: u16, task: ArenaId) -> u64 {
    u64::from(run) << 48 | u64::from(task.generation & GENERATION) << 24 | u64::from(task.index)
}

/// The waker of a task of this thread's run.
pub(crate) fn waker(task: ArenaId) -> ManuallyDrop<Waker> {
    let run = with(|ready| ready.run).unwrap_or_default();
    // SAFETY: the functions of the table take any number.
    ManuallyDrop::new(unsafe { Waker::new(data(number(run, task)), &TABLE) })
}

/// The index of the task that `waker` wakes, if it is one of ours.
pub(crate) fn index_of(waker: &Waker) -> Option<u32> {
    is_ours(waker).then(|| (waker.data().addr() as u64 & INDEX) as u32)
}

/// Where waking the task with an index looks first.
pub(crate) fn place_of(index: u32) -> *const u8 {
    let slot = with(|ready| ready.tasks.as_ptr().wrapping_add(index as usize));
    slot.unwrap_or(std::ptr::null()).cast()
}

/// Whether calling and dropping `waker` runs no code but ours.
pub(crate) fn is_ours(waker: &Waker) -> bool {
    std::ptr::eq(waker.vtable(), &TABLE)
}

const fn data(number: u64) -> *const () {
    std::ptr::without_provenance(number as usize)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake_number, wake_number, forget_number);

unsafe fn clone(number: *const ()) -> RawWaker {
    RawWaker::new(number, &TABLE)
}

unsafe fn wake_number(number: *const ()) {
    let number = number.addr() as u64;
    let (run, generation) = ((number >> 48) as u16, (number >> 24) as u32 & GENERATION);
    with(|ready| {
        if ready.run == run {
            ready.wake((number & INDEX) as u32, generation);
        }
    });
}

unsafe fn forget_number(_: *const ()) {}
