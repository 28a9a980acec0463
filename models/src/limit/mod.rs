//! Rate limiting: a key gets so many calls, and a burst.
//!
//! It prevents that one client takes the service from the others. It can cause an outage for those it
//! refuses by mistake, and an overload if it grants twice what it says: by forgetting a busy key, by a
//! clock that steps back, by a window that begins anew at its edge.

mod error;
mod gcra;
mod policy;
mod service;
mod table;

pub use error::{Error, InvalidQuota, Refused};
pub use gcra::Gcra;
pub use policy::Quota;
pub use service::{LimitLayer, LimitService};
pub use table::{KeyedLimiter, Limiter};

#[cfg(test)]
mod tests;
