//! Rate limiting: a key gets so many calls, and a burst.
//!
//! It prevents that one client takes the service from the others. It can cause an outage for those it
//! refuses by mistake, and an overload if it grants twice what it says: by forgetting a busy key, by a
//! clock that steps back, by a window that begins anew at its edge, by as many limits as there are
//! gateways.
//!
//! A [`Law`] is the algorithm, a [`KeyedLimiter`] applies it to many keys, [`Rules`] ask several limits at
//! once, a [`Queue`] makes callers wait, a [`SketchLimiter`] does without a table, and [`lease`] shares
//! one limit among many processes.

mod accounts;
mod counts;
mod descriptor;
mod error;
mod laws;
pub mod lease;
mod policy;
mod queue;
mod rules;
mod service;
mod sketch;
mod standing;
mod table;

pub use counts::Counts;
pub use descriptor::{Descriptor, Pattern};
pub use error::{Error, InvalidQuota, Refused};
pub use laws::{
    Count, FixedWindow, Gcra, Heat, Law, Leaky, Level, Slide, SlidingWindow, TokenBucket, Tokens,
    WarmUp,
};
pub use policy::Quota;
pub use queue::{Queue, QueueCounts};
pub use rules::{InvalidRules, Rejected, Rule, Rules};
pub use service::{LimitLayer, LimitService};
pub use sketch::SketchLimiter;
pub use standing::Standing;
pub use table::{KeyedLimiter, Limiter};

#[cfg(test)]
mod tests;
