//! Which run comes next, and which failing run is the smallest.
//!
//! Fault plans are drawn here from fault specs ([`generate()`]) or from everything that can go
//! wrong ([`uniform()`]); [`problems()`] says what is wrong with a spec, [`Seeds`] which seeds to
//! run, [`shrink()`] finds the smallest run that fails like a given one, and [`examine()`] makes a
//! case of it that can be relied on. All of it is pure:
//! values go in, values come out, and where a run is needed it is a closure that the caller passes.
//!
//! *Never in this crate*: a simulation, a thread, I/O, a clock, any randomness but named streams.

mod examine;
mod generate;
mod problems;
mod seeds;
mod shrink;
mod uniform;

pub use examine::{Broken, Doubt, Effort, Found, Purpose, Shown, agree, examine};
pub use generate::{PlanError, fits, generate};
pub use problems::problems;
pub use seeds::{Seeds, SeedsError};
pub use shrink::{Shrunk, shrink};
pub use uniform::uniform;

#[cfg(test)]
mod tests;
