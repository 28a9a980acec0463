//! A set of tasks that need not be `Send`. All tasks of a run share a thread, so it only spawns.

use super::{JoinHandle, spawn_local};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Tasks that stay on one thread, which all do here.
#[derive(Debug, Default)]
pub struct LocalSet {
    _private: (),
}

impl LocalSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spawns a task on the host of the caller.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn_local(future)
    }

    /// Runs `future`; spawned tasks run on beside it.
    pub async fn run_until<F: Future>(&self, future: F) -> F::Output {
        future.await
    }
}

impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
