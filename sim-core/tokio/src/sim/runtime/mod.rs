//! A runtime is a simulated host: what `#[tokio::main]` and `#[tokio::test]` call.

pub(super) mod streams;

use super::task::JoinHandle;
use std::{future::Future, io};
use windtunnel_engine::{process, run};

/// Makes a [`Runtime`]. The switches of tokio are accepted; there is one kind of runtime here.
#[derive(Debug, Default)]
pub struct Builder {
    _private: (),
}

impl Builder {
    /// A builder.
    pub fn new_current_thread() -> Self {
        Self::default()
    }

    /// A builder. Tasks run one at a time all the same.
    pub fn new_multi_thread() -> Self {
        Self::default()
    }

    /// Without effect: everything is enabled.
    pub fn enable_all(&mut self) -> &mut Self {
        self
    }

    /// Without effect: everything is enabled.
    pub fn enable_time(&mut self) -> &mut Self {
        self
    }

    /// Without effect: everything is enabled.
    pub fn enable_io(&mut self) -> &mut Self {
        self
    }

    /// Without effect: simulated time always passes by itself, and only while nothing else can happen.
    pub fn start_paused(&mut self, _: bool) -> &mut Self {
        self
    }

    /// Without effect: tasks run one at a time.
    pub fn worker_threads(&mut self, _: usize) -> &mut Self {
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn build(&mut self) -> io::Result<Runtime> {
        Ok(Runtime {
            handle: Handle { _private: () },
        })
    }
}

/// A host of its own for one future.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
}

impl Runtime {
    /// A runtime.
    ///
    /// # Errors
    /// Never here; the signature is tokio's.
    pub fn new() -> io::Result<Self> {
        Builder::new_multi_thread().build()
    }

    /// Runs `future` as the only process of the only host of a simulation with seed 0.
    ///
    /// # Panics
    /// If `future` panics, waits for ever, or is run from inside a simulation.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        run::block_on(future)
    }

    /// A handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Spawns on the caller's host.
#[derive(Clone, Debug)]
pub struct Handle {
    _private: (),
}

/// There is no runtime here.
#[derive(Debug)]
pub struct TryCurrentError(());

impl std::fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no simulated host here")
    }
}

impl std::error::Error for TryCurrentError {}

impl Handle {
    /// The handle of the caller's host.
    ///
    /// # Panics
    /// Outside a task of a simulated host.
    #[track_caller]
    pub fn current() -> Self {
        Self::try_current().expect("there is no simulated host here")
    }

    /// The handle of the caller's host.
    ///
    /// # Errors
    /// Outside a task of a simulated host.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        process::current_host()
            .map(|_| Self { _private: () })
            .ok_or(TryCurrentError(()))
    }

    /// Spawns a task.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        super::task::spawn(future)
    }

    /// Runs `work` in a task, in place.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, work: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        super::task::spawn_blocking(work)
    }
}
