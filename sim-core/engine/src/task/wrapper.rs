//! The wrapper future around everything that is spawned.

use super::join::{self, Id, JoinError, JoinHandle, Shared};
use crate::{
    clock, cpu, guard,
    machine::{ArenaId, Machine, inside, with},
    process::{self, ProcessId},
};
use std::{
    any::Any,
    cell::RefCell,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use windtunnel_record::Event;

/// The number of a task.
pub(crate) type TaskId = ArenaId;

/// What the machine knows of a task.
pub(crate) struct TaskEntry {
    pub process: ProcessId,
    /// Wakes the task; known from its first poll on.
    pub waker: Option<Waker>,
    /// The core that was reserved for its next poll.
    pub granted: Option<usize>,
    /// Until when it works on that core, if it does.
    pub at_work: Option<u64>,
    /// Whether it waits for a core.
    pub queued: bool,
    /// Whether it waits for the end of a pause.
    pub held: bool,
    /// Whether it was aborted.
    pub aborted: bool,
    /// How many bytes its future takes.
    pub size: usize,
    /// Whether it is the first task of its process.
    pub is_main: bool,
    /// Where it was spawned.
    pub spawned: &'static Location<'static>,
    cell: Rc<dyn Vacate>,
}

/// A task whose future can be dropped from outside.
trait Vacate {
    /// Drops the future now, or after the present poll if it is being polled.
    fn vacate(&self);

    /// Whether `waker` is that of the task that waits for its end.
    fn is_joined_by(&self, waker: &Waker) -> bool;
}

impl TaskEntry {
    /// Whether the task of `waker` waits for the end of this one.
    pub fn is_joined_by(&self, waker: &Waker) -> bool {
        self.cell.is_joined_by(waker)
    }
}

struct TaskCell<F: Future> {
    process: ProcessId,
    spawned: &'static Location<'static>,
    future: RefCell<Option<Pin<Box<F>>>>,
    shared: Arc<Shared<F::Output>>,
}

impl<F: Future> Vacate for TaskCell<F> {
    fn vacate(&self) {
        let taken = self
            .future
            .try_borrow_mut()
            .ok()
            .and_then(|mut slot| slot.take());
        if let Some(future) = taken {
            let _entered = process::enter(self.process);
            // A destructor that panics dies with its process.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
        }
    }

    fn is_joined_by(&self, waker: &Waker) -> bool {
        self.shared.is_joined_by(waker)
    }
}

/// What is handed to the executor.
struct Wrapper<F: Future> {
    id: TaskId,
    cell: Rc<TaskCell<F>>,
}

enum Admission {
    Run(usize),
    Wait,
    Aborted,
    Gone,
}

impl Machine {
    fn admit(&mut self, id: TaskId, waker: &Waker) -> Admission {
        let Some(entry) = self.tasks.get_mut(id) else {
            return Admission::Gone;
        };
        if entry.waker.is_none() {
            entry.waker = Some(waker.clone());
        }
        if entry.aborted {
            let until = entry.at_work.take().unwrap_or(clock::now());
            let (process, core) = (entry.process, entry.granted.take());
            self.give_back(process, core, until);
            return Admission::Aborted;
        }
        if entry.at_work.is_some() {
            // Woken for something else meanwhile; the end of its work wakes it again.
            return Admission::Wait;
        }
        let process = &mut self.processes[entry.process as usize];
        if !process.alive {
            return Admission::Gone;
        }
        self.polls_here += 1;
        if self.polls_here > self.polls_limit {
            return self.spinning(id);
        }
        if process.paused {
            // A core that was reserved stays so: a frozen process keeps its place in the queue.
            if !entry.held {
                entry.held = true;
                process.held.push(id);
            }
            return Admission::Wait;
        }
        let host = process.host;
        let cores = &mut self.hosts[host as usize].cores;
        if let Some(core) = entry.granted.take() {
            cpu::charge_poll(cores);
            return Admission::Run(core);
        }
        if entry.queued {
            // Woken once more while it waits for a core.
            return Admission::Wait;
        }
        if let Some(core) = cores.admit(id, clock::now()) {
            cpu::charge_poll(cores);
            return Admission::Run(core);
        }
        entry.queued = true;
        self.arm_cores(host);
        Admission::Wait
    }

    fn spinning(&mut self, id: TaskId) -> Admission {
        if !self.ended {
            self.ended = true;
            let what = format!(
                "{} polls at one instant without an end; the last was of {}",
                self.polls_limit,
                self.task_name(id)
            );
            self.note(Event::Limit { what });
        }
        Admission::Wait
    }
}

impl<F: Future> Wrapper<F> {
    fn complete(&self, result: Result<F::Output, JoinError>) {
        let finished = with(|machine| {
            let entry = machine.tasks.remove(self.id)?;
            let TaskEntry { waker, cell, .. } = entry;
            machine.retire(waker);
            Some(cell)
        });
        drop(finished);
        self.cell.shared.complete(result);
    }

    fn poll_inner(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, JoinError>> {
        let mut slot = self.cell.future.borrow_mut();
        let Some(future) = slot.as_mut() else {
            return Poll::Ready(Err(JoinError::cancelled(Id::of(self.id))));
        };
        let _entered = process::enter(self.cell.process);
        let _current = join::enter(self.id);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => {
                note_panic(self.cell.process, self.cell.spawned, payload.as_ref());
                Err(JoinError::panicked(Id::of(self.id), payload))
            }
        };
        let future = slot.take();
        drop(slot);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
        Poll::Ready(result)
    }
}

impl<F: Future> Future for Wrapper<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        cpu::begin_poll();
        let admission = with(|machine| machine.admit(self.id, cx.waker()));
        let core = match admission {
            Some(Admission::Run(core)) => core,
            Some(Admission::Wait) => return Poll::Pending,
            Some(Admission::Aborted) => {
                self.cell.vacate();
                self.complete(Err(JoinError::cancelled(Id::of(self.id))));
                return Poll::Ready(());
            }
            Some(Admission::Gone) | None => {
                self.cell.vacate();
                return Poll::Ready(());
            }
        };
        let polled = self.poll_inner(cx);
        let cancelled = with(|machine| {
            machine.note_refusals(self.cell.process);
            let process = &machine.processes[self.cell.process as usize];
            let (host, alive) = (process.host, process.alive);
            if alive {
                machine.end_poll(host, self.id, core, polled.is_pending());
                machine.check_memory(self.cell.process);
            }
            alive
                && polled.is_pending()
                && machine.is_cancelling()
                && machine.is_cancelled_here(self.id)
        });
        let cancelled = cancelled.unwrap_or(false);
        match polled {
            Poll::Pending if cancelled => {
                self.cell.vacate();
                self.complete(Err(JoinError::cancelled(Id::of(self.id))));
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                self.complete(result);
                Poll::Ready(())
            }
        }
    }
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
                spawned: site(spawned),
                message,
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

/// Registers a task and gives its two halves: what the executor runs and what the caller holds.
fn wrap<F>(
    process: ProcessId,
    is_main: bool,
    spawned: &'static Location<'static>,
    future: F,
) -> (Wrapper<F>, JoinHandle<F::Output>)
where
    F: Future + 'static,
{
    let shared = Arc::new(Shared::default());
    let cell = Rc::new(TaskCell {
        process,
        spawned,
        future: RefCell::new(Some(Box::pin(future))),
        shared: shared.clone(),
    });
    let id = inside(|machine| {
        machine.tasks.insert(TaskEntry {
            process,
            waker: None,
            granted: None,
            at_work: None,
            queued: false,
            held: false,
            aborted: false,
            size: size_of::<F>(),
            is_main,
            spawned,
            cell: cell.clone(),
        })
    });
    (Wrapper { id, cell }, JoinHandle::new(id, shared))
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
    let (wrapper, handle) = wrap(process, false, Location::caller(), future);
    drop(madsim::task::spawn_local(wrapper));
    with(|machine| machine.spawned_since_prune += 1);
    handle
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

/// The first task of a process.
pub(crate) async fn run_main(process: ProcessId) {
    let Some(future) = process::make_main(process) else {
        return;
    };
    let (wrapper, handle) = wrap(process, true, Location::caller(), future);
    wrapper.await;
    let result = handle.take_result();
    process::main_ended(process, result.and_then(Result::ok));
}

/// Drops the futures of all tasks of a process that has ended.
pub(crate) fn drop_tasks_of(process: ProcessId) {
    let tasks = with(|machine| {
        let of_process = machine
            .tasks
            .iter()
            .filter(|(_, entry)| entry.process == process);
        of_process.map(|(id, _)| id).collect::<Vec<_>>()
    });
    for id in tasks.unwrap_or_default() {
        let entry = with(|machine| machine.tasks.remove(id)).flatten();
        if let Some(entry) = entry {
            entry.cell.vacate();
            // The executor still holds the wrapper: woken, it finds itself gone and ends.
            if let Some(waker) = entry.waker {
                waker.wake();
            }
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
