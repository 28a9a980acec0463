//! The simulated machine room: hosts and their processes, the clock, the network, the disks, and the
//! faults that befall them.
//!
//! The interposed entropy and the refusal of threads are madsim's; executor, network, disk, clock and
//! process life cycle are ours. A run is started by
//! [`run::run`] and lives on one fresh thread; everything a service does reaches the engine through
//! the drop-in `tokio`, which is built on the modules exported here.
//!
//! *Never in this crate*: a decision about which fault comes when (plans come in as data), a rule, a
//! scenario, anything about HTTP. It is the only crate that names madsim.

#[cfg(not(madsim))]
mod real_world;
#[cfg(not(madsim))]
pub use real_world::run;

#[cfg(madsim)]
mod agenda;
#[cfg(madsim)]
pub mod census;
#[cfg(madsim)]
pub mod clock;
#[cfg(madsim)]
pub mod cpu;
#[cfg(madsim)]
mod descriptors;
#[cfg(madsim)]
pub mod disk;
#[cfg(madsim)]
mod faults;
#[cfg(madsim)]
mod guard;
#[cfg(madsim)]
mod host;
#[cfg(madsim)]
mod identity;
#[cfg(madsim)]
mod log;
#[cfg(madsim)]
mod machine;
#[cfg(madsim)]
pub mod memory;
#[cfg(madsim)]
pub mod network;
#[cfg(madsim)]
pub mod observe;
#[cfg(madsim)]
pub mod process;
#[cfg(madsim)]
mod progress;
#[cfg(madsim)]
mod recorder;
#[cfg(madsim)]
pub mod run;
#[cfg(madsim)]
pub mod task;
#[cfg(madsim)]
pub mod timer;

#[cfg(madsim)]
pub use host::{CpuCost, DiskSpec, HostSpec, MainFn};
#[cfg(madsim)]
pub use log::Log;
#[cfg(madsim)]
pub use network::NetworkSpec;
#[cfg(madsim)]
pub use run::{Finished, Setup, run};
