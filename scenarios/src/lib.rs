//! The composition root: scenarios, the applications they run, and the command `windtunnel`.
//!
//! `format` is a scenario as data, `catalogue` the scenarios that come along, `apps` the services that
//! are written, `world` turns data into the calls of the tunnel builder or into processes, `hooks` tells
//! what components do, `gateway` is the gateway in production, `cli` is the command line.
//!
//! *Never in this crate*: anything another crate of ours would want to depend on. Only tests see it.

pub mod apps;
pub mod catalogue;
pub mod cli;
pub mod format;
pub mod gateway;
pub mod hooks;
pub mod world;
