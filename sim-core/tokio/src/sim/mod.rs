//! The simulated half: explicit lists, so that nothing slips in.

pub mod fs;
pub mod io;
pub mod net;
pub mod runtime;
pub mod signal;
pub mod sync;
pub mod task;
pub mod time;

pub use task::spawn;
pub use tokio_real::{join, main, pin, select, task_local, test, try_join};
