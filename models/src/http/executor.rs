//! The executor hyper spawns its connection tasks on.

use std::future::Future;

/// Spawns on the drop-in's runtime, so that a task of hyper's belongs to the host that caused it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn(future);
    }
}
