//! What the spawner of a task holds: join handle, abort handle, join error, id.

use super::{executor, wrapper::TaskId};
use crate::machine::{ArenaId, with};
use std::{
    any::Any,
    cell::Cell,
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Tells a task from all others of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(ArenaId);

impl Id {
    pub(super) const fn of(task: TaskId) -> Self {
        Self(task)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_u64().fmt(f)
    }
}

thread_local! {
    static CURRENT: Cell<Option<TaskId>> = const { Cell::new(None) };
}

/// Makes `task` the current one until the guard is dropped.
pub(super) fn enter(task: TaskId) -> Entered {
    Entered {
        before: CURRENT.replace(Some(task)),
    }
}

/// See [`enter`].
pub(super) struct Entered {
    before: Option<TaskId>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// The id of the present task.
///
/// # Panics
/// Outside a task.
#[track_caller]
pub fn id() -> Id {
    try_id().expect("there is no task here")
}

/// The number of the present task, if there is one.
pub(crate) fn current() -> Option<TaskId> {
    CURRENT.get()
}

/// The id of the present task, if there is one.
pub fn try_id() -> Option<Id> {
    CURRENT.get().map(Id)
}

/// Where a task leaves its result.
pub(super) struct Shared<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    finished: bool,
    result: Option<Result<T, JoinError>>,
    waker: Option<Waker>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                finished: false,
                result: None,
                waker: None,
            }),
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the task of `waker` waits for the end of this one.
    pub fn is_joined_by(&self, waker: &Waker) -> bool {
        let state = self.lock();
        state
            .waker
            .as_ref()
            .is_some_and(|held| held.will_wake(waker))
    }

    pub fn complete(&self, result: Result<T, JoinError>) {
        let waker = {
            let mut state = self.lock();
            state.finished = true;
            state.result = Some(result);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Owns the permission to join a task. Dropping it detaches the task.
pub struct JoinHandle<T> {
    task: TaskId,
    shared: Arc<Shared<T>>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: TaskId, shared: Arc<Shared<T>>) -> Self {
        Self { task, shared }
    }

    pub(super) fn already_cancelled() -> Self {
        let handle = Self::new(ArenaId::NONE, Arc::default());
        handle
            .shared
            .complete(Err(JoinError::cancelled(handle.id())));
        handle
    }

    /// Aborts the task: its future is dropped when it would next be polled, and joining it gives a
    /// cancelled error.
    pub fn abort(&self) {
        self.abort_handle().abort();
    }

    /// A handle that can only abort.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle { task: self.task }
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.shared.lock().finished
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        Id(self.task)
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        assert!(
            !state.finished,
            "a JoinHandle was polled after its completion"
        );
        if !state
            .waker
            .as_ref()
            .is_some_and(|held| held.will_wake(cx.waker()))
        {
            state.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .finish()
    }
}

/// Can abort a task, but not join it.
#[derive(Clone, Debug)]
pub struct AbortHandle {
    task: TaskId,
}

impl AbortHandle {
    /// See [`JoinHandle::abort`].
    pub fn abort(&self) {
        with(|machine| {
            let Some(entry) = machine.tasks.get_mut(self.task) else {
                return;
            };
            entry.aborted = true;
            executor::wake(self.task);
        });
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        with(|machine| machine.tasks.get(self.task).is_none()).unwrap_or(true)
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        Id(self.task)
    }
}

/// Why a task gave no value: it was cancelled, or it panicked.
pub struct JoinError {
    id: Id,
    panic: Option<Mutex<Box<dyn Any + Send>>>,
}

impl JoinError {
    pub(super) fn cancelled(id: Id) -> Self {
        Self { id, panic: None }
    }

    pub(super) fn panicked(id: Id, payload: Box<dyn Any + Send>) -> Self {
        Self {
            id,
            panic: Some(Mutex::new(payload)),
        }
    }

    /// Whether the task was aborted or its process ended.
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// What the task panicked with.
    ///
    /// # Panics
    /// If it did not panic.
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.try_into_panic()
            .expect("the task was cancelled and did not panic")
    }

    /// What the task panicked with, or the error itself if it did not.
    ///
    /// # Errors
    /// The error itself, if the task was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.panic {
            Some(payload) => Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_panic() {
            "Panic"
        } else {
            "Cancelled"
        };
        write!(f, "JoinError::{how}({})", self.id)
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_panic() {
            "panicked"
        } else {
            "was cancelled"
        };
        write!(f, "task {} {how}", self.id)
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error.to_string())
    }
}
