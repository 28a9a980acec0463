//! A set of tasks, joined in the order in which they end.

use super::{AbortHandle, Id, JoinError, JoinHandle, spawn_local};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

/// Tasks of one result type. Dropping the set aborts them all.
pub struct JoinSet<T> {
    handles: BTreeMap<u64, JoinHandle<T>>,
    next: u64,
    ended: Arc<Mutex<Ended>>,
}

#[derive(Default)]
struct Ended {
    keys: VecDeque<u64>,
    waker: Option<Waker>,
}

/// Tells the set when the task's future is gone, for whatever reason.
struct Notice {
    key: u64,
    ended: Arc<Mutex<Ended>>,
}

impl Drop for Notice {
    fn drop(&mut self) {
        let waker = {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.keys.push_back(self.key);
            ended.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T: 'static> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        Self {
            handles: BTreeMap::new(),
            next: 0,
            ended: Arc::default(),
        }
    }

    /// How many tasks are not yet joined.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Spawns a task into the set.
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn_local(task)
    }

    /// Spawns a task that need not be `Send`.
    #[track_caller]
    pub fn spawn_local<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        let key = self.next;
        self.next += 1;
        let notice = Notice {
            key,
            ended: self.ended.clone(),
        };
        let handle = spawn_local(async move {
            let _notice = notice;
            task.await
        });
        let abort = handle.abort_handle();
        self.handles.insert(key, handle);
        abort
    }

    /// Waits for the next task to end. `None` if the set is empty. Cancellation-safe.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// Like [`Self::join_next`], with the task's id.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The result of a task that has ended, if there is one.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.poll_join_next(&mut cx) {
            Poll::Ready(result) => result,
            Poll::Pending => None,
        }
    }

    /// See [`Self::join_next`].
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_next(cx)
            .map(|next| next.map(|result| result.map(|(_, value)| value)))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(Id, T), JoinError>>> {
        if self.handles.is_empty() {
            return Poll::Ready(None);
        }
        let pending = {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.waker = Some(cx.waker().clone());
            ended.keys.len()
        };
        for _ in 0..pending {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(key) = ended.keys.pop_front() else {
                break;
            };
            drop(ended);
            let Some(handle) = self.handles.get_mut(&key) else {
                continue;
            };
            let id = handle.id();
            match Pin::new(handle).poll(cx) {
                Poll::Ready(result) => {
                    self.handles.remove(&key);
                    return Poll::Ready(Some(result.map(|value| (id, value))));
                }
                // Its future is gone but its result not yet there: the handle wakes us.
                Poll::Pending => {
                    let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
                    ended.keys.push_back(key);
                }
            }
        }
        Poll::Pending
    }

    /// Aborts all tasks; they are still to be joined.
    pub fn abort_all(&mut self) {
        for handle in self.handles.values() {
            handle.abort();
        }
    }

    /// Aborts all tasks and waits until they have ended.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Forgets all tasks without aborting them.
    pub fn detach_all(&mut self) {
        self.handles.clear();
    }

    /// Waits for all tasks.
    ///
    /// # Panics
    /// If one of them panicked or was cancelled.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut results = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            results.push(result.expect("a task of the set panicked or was cancelled"));
        }
        results
    }
}

impl<T: 'static> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        for handle in self.handles.values() {
            handle.abort();
        }
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet")
            .field("len", &self.handles.len())
            .finish()
    }
}
