//! Which run comes next, and which failing run is the smallest.
//!
//! Fault plans are drawn here from fault specs ([`generate()`]). All of it is pure: values go in,
//! values come out, and where a run is needed it is a closure that the caller passes.
//!
//! *Never in this crate*: a simulation, a thread, I/O, a clock, any randomness but named streams.

mod generate;

pub use generate::{PlanError, generate};

#[cfg(test)]
mod tests;
