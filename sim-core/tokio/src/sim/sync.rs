//! tokio's own synchronisation: it needs neither time nor a runtime.

pub use tokio_real::sync::{
    AcquireError, Barrier, BarrierWaitResult, MappedMutexGuard, Mutex, MutexGuard, Notify,
    OnceCell, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    OwnedSemaphorePermit, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
    SetError, SetOnce, SetOnceError, TryAcquireError, TryLockError, broadcast, mpsc, oneshot,
    watch,
};

/// Futures and guards that these types give.
pub mod futures {
    pub use tokio_real::sync::futures::{Notified, OwnedNotified};
}
