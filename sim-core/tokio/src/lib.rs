//! A drop-in for tokio: `tokio = { package = "windtunnel-tokio", … }` in a manifest, and the same
//! source serves production and simulation.
//!
//! In the real world this is tokio and nothing else. In the simulated world it is made of explicit
//! lists: what is pure comes from tokio itself, what touches time, network, disk, tasks or the
//! operating system comes from the engine. What is not modelled does not compile.
//!
//! *Never in this crate*: behaviour of its own. A glob, in the simulated half.

#[cfg(not(madsim))]
pub use tokio_real::*;

#[cfg(madsim)]
mod sim;
#[cfg(madsim)]
pub use sim::*;
