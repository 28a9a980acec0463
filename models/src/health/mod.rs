//! Health: who may get traffic, judged from three sides that are kept apart.
//!
//! It prevents that calls go to an endpoint that is dead, sick or about to leave. It can cause an outage
//! of its own: checks that all endpoints fail because something they share is down, a passive judgement
//! that ejects a whole set, a green health page in front of a process that hangs.
//!
//! - [`active`]: we ask the endpoint, or it reports. Fast to see a dead node, blind to a process whose
//!   health page answers while its work is deadlocked.
//! - [`outlier`]: we look at what calls came to. Sees what real traffic suffers, and nothing without it.
//! - [`Readiness`]: somebody said that the endpoint wants no traffic (not ready yet, draining).
//!
//! The three are signals of their own: none clears another. [`Health`] asks all of them.

pub mod active;
mod error;
pub mod outlier;
mod status;

pub use error::InvalidPolicy;
pub use status::{Health, Readiness, Status};

#[cfg(test)]
mod tests;
