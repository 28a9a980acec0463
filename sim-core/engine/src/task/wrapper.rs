//! What surrounds everything that is spawned: a task with its process, its core and its end.

use super::{
    executor,
    join::{self, Id, JoinError, JoinHandle, Shared},
};
use crate::{
    clock, cpu, guard,
    machine::{ArenaId, Machine, inside, with},
    process::{self, ProcessId},
};
use std::{
    any::Any,
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    io,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    ptr::NonNull,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use windtunnel_record::Event;

/// The number of a task.
pub(crate) type TaskId = ArenaId;

/// What the machine knows of a task. It is read for each poll, and so kept short; what is seldom asked
/// for is in the cell.
pub(crate) struct TaskEntry {
    pub process: ProcessId,
    /// Whether it has had a turn.
    pub began: bool,
    /// The core that was reserved for its next poll.
    pub granted: Option<u32>,
    /// Until when it works on that core, if it does.
    pub at_work: Option<u64>,
    /// Whether it waits for a core.
    pub queued: bool,
    /// Whether it waits for the end of a pause.
    pub held: bool,
    /// Whether it was aborted.
    pub aborted: bool,
    /// Whether it is the first task of its process.
    pub is_main: bool,
    cell: Rc<dyn Task>,
    /// Where its future is.
    future: Extent,
}

/// A piece of memory.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub begins: NonNull<u8>,
    pub bytes: u32,
}

impl Extent {
    fn of<T: ?Sized>(value: &T) -> Self {
        Self {
            begins: NonNull::from(value).cast(),
            bytes: size_of_val(value) as u32,
        }
    }
}

impl TaskEntry {
    /// Where it was spawned.
    pub fn spawned(&self) -> &'static Location<'static> {
        self.cell.spawned()
    }

    /// How many bytes its future takes.
    pub fn size(&self) -> usize {
        self.cell.size()
    }

    /// Where the beginning of its cell is, and where its future, which may be further on in there.
    #[inline]
    pub(crate) fn places(&self) -> (NonNull<u8>, Extent) {
        (NonNull::from(&*self.cell).cast(), self.future)
    }
}

/// A task with whatever future.
trait Task {
    /// Polls the future on behalf of its process. Ready when it is over, by whatever end.
    fn poll(&self, id: TaskId, cx: &mut Context<'_>) -> Poll<()>;

    /// Tells who waits for it what its last poll gave, or that it was cancelled.
    fn complete(&self, id: TaskId);

    /// Drops the future now, or after the present poll if it is being polled.
    fn vacate(&self);

    /// Whether `waker` is that of the task that waits for its end.
    fn is_joined_by(&self, waker: &Waker) -> bool;

    /// Where it was spawned.
    fn spawned(&self) -> &'static Location<'static>;

    /// How many bytes its future takes.
    fn size(&self) -> usize;
}

impl TaskEntry {
    /// Whether the task of `waker` waits for the end of this one.
    pub fn is_joined_by(&self, waker: &Waker) -> bool {
        self.cell.is_joined_by(waker)
    }
}

/// What is done with a task's result besides telling who waits for it.
type AtEnd<T> = Box<dyn FnOnce(&Result<T, JoinError>)>;

/// What each poll touches stands first.
#[repr(C)]
struct TaskCell<F: Future> {
    process: ProcessId,
    /// Pinned: the cell is behind an `Rc` and the future is dropped where it is.
    future: RefCell<Option<F>>,
    spawned: &'static Location<'static>,
    result: RefCell<Option<Result<F::Output, JoinError>>>,
    at_end: RefCell<Option<AtEnd<F::Output>>>,
    shared: Arc<Shared<F::Output>>,
}

impl<F: Future> Task for TaskCell<F> {
    fn poll(&self, id: TaskId, cx: &mut Context<'_>) -> Poll<()> {
        let mut slot = self.future.borrow_mut();
        let Some(future) = slot.as_mut() else {
            return Poll::Ready(());
        };
        // SAFETY: the cell never moves, because it is made inside its `Rc` and no one takes it out; and
        // the future is never taken out of the cell, only replaced by nothing.
        let future = unsafe { Pin::new_unchecked(future) };
        let _entered = process::enter(self.process);
        let _current = join::enter(id);
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => {
                note_panic(self.process, self.spawned, payload.as_ref());
                Err(JoinError::panicked(Id::of(id), payload))
            }
        };
        let _ = catch_unwind(AssertUnwindSafe(|| *slot = None));
        self.result.replace(Some(result));
        Poll::Ready(())
    }

    fn complete(&self, id: TaskId) {
        let result = self.result.take();
        let result = result.unwrap_or_else(|| Err(JoinError::cancelled(Id::of(id))));
        if let Some(at_end) = self.at_end.take() {
            at_end(&result);
        }
        self.shared.complete(result);
    }

    fn vacate(&self) {
        if let Ok(mut slot) = self.future.try_borrow_mut()
            && slot.is_some()
        {
            let _entered = process::enter(self.process);
            // A destructor that panics dies with its process.
            let _ = catch_unwind(AssertUnwindSafe(|| *slot = None));
        }
    }

    fn is_joined_by(&self, waker: &Waker) -> bool {
        self.shared.is_joined_by(waker)
    }

    fn spawned(&self) -> &'static Location<'static> {
        self.spawned
    }

    fn size(&self) -> usize {
        size_of::<F>()
    }
}

enum Admission {
    Run(u32),
    Wait,
    Aborted,
}

impl Machine {
    /// Whether a task may be polled now, on which core, and what to poll; none if it is over.
    fn admit(&mut self, id: TaskId) -> Option<(Admission, Rc<dyn Task>)> {
        let entry = self.tasks.get_mut(id)?;
        entry.began = true;
        let cell = entry.cell.clone();
        if entry.aborted {
            let until = entry.at_work.take().unwrap_or(clock::now());
            let (process, core) = (entry.process, entry.granted.take());
            self.give_back(process, core, until);
            return Some((Admission::Aborted, cell));
        }
        if entry.at_work.is_some() {
            // Woken for something else meanwhile; the end of its work wakes it again.
            entry.queued |= entry.granted.is_none();
            return Some((Admission::Wait, cell));
        }
        let process = &mut self.processes[entry.process as usize];
        if !process.alive {
            // Its future is dropped when its process is buried.
            return Some((Admission::Wait, cell));
        }
        self.polls_here += 1;
        if self.polls_here > self.polls_limit {
            self.spinning(id);
            return Some((Admission::Wait, cell));
        }
        if process.paused {
            // A core that was reserved stays so: a frozen process keeps its place in the queue.
            if !entry.held {
                entry.held = true;
                process.held.push(id);
            }
            return Some((Admission::Wait, cell));
        }
        let host = process.host;
        let cores = &mut self.hosts[host as usize].cores;
        if !std::mem::replace(&mut cores.is_watched, true) {
            self.to_sample.push(host);
        }
        if let Some(core) = entry.granted.take() {
            cpu::charge_poll(cores);
            return Some((Admission::Run(core), cell));
        }
        if entry.queued {
            // Woken once more while it waits for a core.
            return Some((Admission::Wait, cell));
        }
        if let Some(core) = cores.admit(id, clock::now()) {
            cpu::charge_poll(cores);
            return Some((Admission::Run(core), cell));
        }
        entry.queued = true;
        self.arm_cores(host);
        Some((Admission::Wait, cell))
    }

    fn spinning(&mut self, id: TaskId) {
        if !self.ended {
            self.ended = true;
            let what = format!(
                "{} polls at one instant without an end; the last was of {}",
                self.polls_limit,
                self.task_name(id)
            );
            self.note(Event::Limit { what: what.into() });
        }
    }

    /// A poll of `id`, on `core`, is over. True if a fault drops its future here.
    fn polled(&mut self, id: TaskId, process: ProcessId, core: u32, is_pending: bool) -> bool {
        self.note_refusals(process);
        let state = &self.processes[process as usize];
        if !state.alive {
            return false;
        }
        let host = state.host;
        self.end_poll(host, id, core, is_pending);
        self.check_memory(process);
        is_pending && self.is_cancelling() && self.is_cancelled_here(id)
    }
}

/// Gives a task its turn, if it may have one now.
pub(super) fn poll(id: TaskId) {
    cpu::begin_poll();
    let Some(Some((admission, cell))) = with(|machine| machine.admit(id)) else {
        return;
    };
    let core = match admission {
        Admission::Run(core) => core,
        Admission::Wait => return,
        Admission::Aborted => {
            cell.vacate();
            return end(id, cell);
        }
    };
    let waker = executor::waker(id);
    let polled = cell.poll(id, &mut Context::from_waker(&waker));
    let is_dropped = with(|machine| {
        let process = machine.tasks.get(id)?.process;
        Some(machine.polled(id, process, core, polled.is_pending()))
    });
    if is_dropped.flatten() == Some(true) {
        cell.vacate();
        return end(id, cell);
    }
    if polled.is_ready() {
        end(id, cell);
    }
}

/// A task is over: forgets it and tells who waits for its end. If nobody does, its result is dropped
/// here, on behalf of its process, so that a socket in it is closed; a destructor that panics is what
/// it is in tokio: told to nobody.
fn end(id: TaskId, cell: Rc<dyn Task>) {
    executor::forget(id);
    let Some(Some(entry)) = with(|machine| machine.tasks.remove(id)) else {
        return;
    };
    let _entered = process::enter(entry.process);
    let _ = catch_unwind(AssertUnwindSafe(move || {
        cell.complete(id);
        drop((entry, cell));
    }));
}

fn note_panic(process: ProcessId, spawned: &Location<'_>, payload: &(dyn Any + Send)) {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is no text".into());
    let message = guard::explain_panic(text);
    with(|machine| {
        let host = machine.processes[process as usize].host;
        if machine.processes[process as usize].alive {
            machine.note(Event::Panicked {
                host,
                spawned: site(spawned).into(),
                message: message.into(),
            });
        }
    });
}

/// A spawn site without what differs between machines: the path from the last `src` or the like on.
pub(crate) fn site(location: &Location<'_>) -> String {
    let path = location.file();
    let parts: Vec<_> = path.split('/').collect();
    let kept = &parts[parts.len().saturating_sub(3)..];
    format!("{}:{}", kept.join("/"), location.line())
}

/// Makes a task of `future` that is ready, and gives what its spawner holds.
fn begin<F>(
    process: ProcessId,
    spawned: &'static Location<'static>,
    future: F,
    at_end: Option<AtEnd<F::Output>>,
    boxed: Option<Extent>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let shared = Arc::new(Shared::default());
    let is_main = at_end.is_some();
    let cell = Rc::new(TaskCell {
        process,
        future: RefCell::new(Some(future)),
        spawned,
        result: RefCell::new(None),
        at_end: RefCell::new(at_end),
        shared: shared.clone(),
    });
    let inside_cell = cell.future.borrow();
    let future = boxed.unwrap_or_else(|| Extent::of(&*inside_cell));
    drop(inside_cell);
    let id = inside(|machine| {
        machine.tasks.insert(TaskEntry {
            process,
            began: false,
            granted: None,
            at_work: None,
            queued: false,
            held: false,
            aborted: false,
            is_main,
            cell,
            future,
        })
    });
    executor::admit(id);
    JoinHandle::new(id, shared)
}

/// Spawns a task on the host of the caller.
///
/// # Panics
/// Outside a task of a simulated host.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_local(future)
}

/// Spawns a task that need not be `Send`: all tasks of a run share a thread.
///
/// # Panics
/// Outside a task of a simulated host.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let process = process::current().expect(
        "there is no simulated host here: tokio's spawn must be called from a task of a host",
    );
    let alive = with(|machine| machine.processes[process as usize].alive);
    if alive != Some(true) {
        return JoinHandle::already_cancelled();
    }
    begin(process, Location::caller(), future, None, None)
}

/// Runs `work` inline, on a core of the host; there are no threads in a simulation.
#[track_caller]
pub fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    spawn_local(async move { work() })
}

/// Starts the first task of a process.
pub(crate) fn start_main(process: ProcessId) {
    let Some(future) = process::make_main(process) else {
        return;
    };
    let at_end = move |result: &Result<io::Result<()>, JoinError>| {
        process::main_ended(process, result.as_ref().ok());
    };
    let boxed = Extent::of(&*future);
    let at_end = Some(Box::new(at_end) as AtEnd<_>);
    begin(process, Location::caller(), future, at_end, Some(boxed));
}

/// Drops the futures of all tasks of processes that have ended, the last one's first.
pub(crate) fn drop_tasks_of(dead: &[ProcessId]) {
    let place: BTreeMap<_, _> = dead.iter().rev().zip(0..).collect();
    let tasks = with(|machine| {
        let tasks = machine.tasks.iter();
        let of_dead = tasks.filter_map(|(id, entry)| Some((*place.get(&entry.process)?, id)));
        of_dead.collect::<Vec<_>>()
    });
    let mut tasks = tasks.unwrap_or_default();
    tasks.sort_by_key(|(place, _): &(i32, _)| *place);
    for (_, id) in tasks {
        executor::forget(id);
        if let Some(Some(entry)) = with(|machine| machine.tasks.remove(id)) {
            entry.cell.vacate();
        }
    }
}

/// Runs `future` and gives its panic, if it panics, as a value.
pub(crate) async fn catching<F: Future>(mut future: Pin<Box<F>>) -> std::thread::Result<F::Output> {
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}
