//! The circuit breaker: stops calling what does not answer well, and tries again carefully.
//!
//! It prevents that callers wait on, and pile onto, an endpoint that is down. It can cause an outage of
//! its own: opened by errors that were the caller's, or never closed again because a trial hung or its
//! slot was lost. Hence exclusions, a deadline for trials, and a permit that reports on every path.
//!
//! The law is gobreaker's (version 2): counts on admission, generations, strict comparisons. Ours are the
//! deadline of trials, the growing and jittered open time, and observers called outside of the lock.

mod counts;
mod error;
mod gate;
mod machine;
mod policy;
mod service;

pub use counts::Counts;
pub use error::{Error, InvalidPolicy, Rejected};
pub use gate::{Breaker, Observer, Permit};
pub use machine::{Change, Machine, Ticket};
pub use policy::{OpenTime, Policy, Trip, Window};
pub use service::{BreakerLayer, BreakerService, Classify, Guarded, by_result, unless_rejected};

/// Whether calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls are let through and counted.
    Closed,
    /// No call is let through.
    Open,
    /// A few trials are let through.
    HalfOpen,
}

/// What an admitted call says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Success,
    /// It does not.
    Failure,
    /// Nothing: the caller left, or asked for nonsense.
    Excluded,
}

#[cfg(test)]
mod edges;
#[cfg(test)]
mod tests;
