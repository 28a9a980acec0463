//! Does the command do in the real world what it says? Processes, sockets and signals of this machine.
//!
//! In the simulated world there is nothing to ask.

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

#[cfg(real_world)]
mod gateway;
#[cfg(real_world)]
mod program;
#[cfg(real_world)]
mod proxy;
#[cfg(real_world)]
mod refusals;
#[cfg(real_world)]
mod up;
