//! The tests that ask one question each; what they share is here.
//!
//! *Never in this crate*: anything a user would depend on.

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

pub mod measure;
pub mod pins;
pub mod program;
pub mod scenario;
pub mod validation;
