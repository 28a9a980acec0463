//! Tasks of the engine.

pub use tokio_real::task::futures;
pub use tokio_real::task::{LocalKey, unconstrained};
pub use windtunnel_engine::task::{
    AbortHandle, Id, JoinError, JoinHandle, JoinSet, LocalSet, id, spawn, spawn_blocking,
    spawn_local, try_id, yield_now,
};

/// Runs `work` where blocking is allowed: here, in place.
pub fn block_in_place<F, R>(work: F) -> R
where
    F: FnOnce() -> R,
{
    work()
}

/// Types that go with joining.
pub mod join_set {
    pub use windtunnel_engine::task::JoinSet;
}
