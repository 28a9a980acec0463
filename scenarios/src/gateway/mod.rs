//! The gateway as a program of the real world: `windtunnel gateway`.
//!
//! It reads a file, gets certificates, opens listeners, and holds together what the components need from
//! outside: the time of the day for the access log, signals, standard output. What it decides is little:
//! in which order to start, to reload and to stop.

mod control;
mod log;
mod material;
mod notices;
mod serve;

pub use control::Render;
pub use notices::Notices;
pub use serve::{CannotServe, serve};
