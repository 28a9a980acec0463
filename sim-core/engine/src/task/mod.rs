//! Tasks: every spawn of the drop-in goes through one wrapper that knows its process and its spawn
//! site, catches panics, honours pause and the cores, and is counted.

mod executor;
mod join;
mod local;
mod set;
mod wrapper;
mod yielding;

pub use join::{AbortHandle, Id, JoinError, JoinHandle, id, try_id};
pub use local::LocalSet;
pub use set::JoinSet;
pub use wrapper::{spawn, spawn_blocking, spawn_local};
pub use yielding::yield_now;

pub(crate) use executor::{index_of, is_ours, place_of, run_until_idle, start, stop, wake, waker};
pub(crate) use join::current;
pub(crate) use wrapper::{TaskEntry, TaskId, catching, drop_tasks_of, site, start_main};
