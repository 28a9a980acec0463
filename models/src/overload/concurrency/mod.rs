//! Adaptive concurrency: how many calls at once a callee can take, found from what they take.
//!
//! It prevents that somebody has to know that number, which changes with every release and machine. It
//! can cause an outage of its own: a limit that fell to its floor by one slow spell and never rises
//! again, a smallest latency learnt from a quick failure, a limit that grew without bounds while nothing
//! asked for it and then holds nothing back.
//!
//! So only calls that succeeded are samples of latency, no limit grows that is not used to at least a
//! half, and what was learnt is learnt anew from time to time, not at the same time in all replicas.

mod aimd;
mod controller;
mod error;
mod gate;
mod gradient;
mod gradient2;
mod samples;
mod service;
mod vegas;

pub use aimd::{Aimd, AimdPolicy};
pub use controller::{Controller, Fixed};
pub use error::Refused;
pub use gate::{Limiter, Observer, Permit};
pub use gradient::{Gradient, GradientPolicy};
pub use gradient2::{Gradient2, Gradient2Policy};
pub use service::{LimitLayer, LimitService};
pub use vegas::{Vegas, VegasPolicy};

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
