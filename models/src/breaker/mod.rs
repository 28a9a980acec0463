//! The circuit breaker: stops calling what does not answer well, and tries again carefully.
//!
//! It prevents that callers wait on, and pile onto, an endpoint that is down. It can cause an outage of
//! its own: opened by errors that were the caller's, or never closed again because a trial hung or its
//! slot was lost. Hence exclusions, a deadline for trials, and a permit that reports on every path.
//!
//! The law is gobreaker's (version 2): counts on admission, generations, strict comparisons. Ours are the
//! deadline of trials, the growing and jittered open time, and observers called outside of the lock.
//! Other peers' laws are policies of the same machine: see [`Policy::resilience4j`] and its neighbours.
//! What never opens fully but drops a share of the calls is in [`adaptive`].
//!
//! The state diagram is in `law`; `machine` is the switch that an operator holds on top of it. A gate
//! ([`Breaker`]), a policy and a back-off ([`OpenTime`]) are three things and three types.
//!
//! *Where to put it*: one breaker per endpoint, or one bad host opens the whole route. A second one around
//! a route is fine if it does not count what the inner ones refused ([`unless_rejected`]); [`Breakers`]
//! keeps one per key.

pub mod adaptive;
mod backoff;
mod classify;
mod counts;
mod error;
mod gate;
mod keyed;
mod law;
mod machine;
mod metrics;
mod permit;
mod phase;
mod policy;
mod presets;
mod service;
mod tally;
mod trip;
mod window;

pub use backoff::OpenTime;
pub use classify::{Class, Classification, by_answer};
pub use counts::Counts;
pub use error::{Error, InvalidPolicy, Rejected};
pub use gate::{Breaker, Observer};
pub use keyed::{Breakers, NoRoom};
pub use law::Change;
pub use machine::{Machine, Ticket};
pub use metrics::Totals;
pub use permit::Permit;
pub use policy::{Policy, Recovery, Throttling};
pub use service::{BreakerLayer, BreakerService, Guarded, by_result, unless_rejected};
pub use trip::{SlowCalls, Thresholds, Trip};
pub use window::Window;

use std::time::Duration;

/// Whether calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls are let through and counted.
    Closed,
    /// No call is let through.
    Open,
    /// A few trials are let through.
    HalfOpen,
    /// Held open by hand: no call is let through, until somebody resets it.
    ForcedOpen,
    /// Switched off by hand: every call is let through, and none is counted.
    Disabled,
    /// Every call is let through; the law goes on and says only what it would have done.
    MetricsOnly,
}

/// What an admitted call says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Success,
    /// It does not.
    Failure,
    /// It lives, and asks for less (429, or 503 with a time to wait). How much that counts is the
    /// policy's [`Throttling`].
    Throttled {
        /// How long it wants to be left alone; an open time that begins soon is at least that long.
        patience: Option<Duration>,
    },
    /// Nothing: the caller left, or asked for nonsense.
    Excluded,
}

#[cfg(test)]
mod composition;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod modes;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod throttled;
