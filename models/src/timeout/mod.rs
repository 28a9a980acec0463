//! Timeouts and deadlines: no call outlives what its caller waits for.
//!
//! They prevent that a slow callee holds its callers, and their callers. They can cause wasted work: a
//! call cut off has perhaps been done, and one whose deadline is not passed on is done for nobody.

mod error;
mod limits;
mod policy;
pub mod propagation;
mod service;

pub use error::{DeadlinePassed, Error, InvalidLimits};
pub use limits::Limits;
pub use policy::Deadline;
pub use service::{TimeoutLayer, TimeoutService};

#[cfg(test)]
mod tests;
