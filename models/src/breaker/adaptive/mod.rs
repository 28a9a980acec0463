//! Client-side throttling: drops calls by chance, the more the fewer the endpoint accepts.
//!
//! It prevents that an overloaded endpoint spends its time on refusing: at a steady overload it gets
//! about `k` calls for each one it accepts. It never opens fully, so it needs no half-open state and no
//! trial, and it follows recovery by itself. It can cause refusals where there is no overload, if calls
//! fail for other reasons, and it reacts slowly over a long window.
//!
//! The law is that of *Site Reliability Engineering*, chapter 21: with probability
//! `max(0, (requests − k·accepts) / (requests + 1))` a call is dropped, where `requests` counts those
//! dropped as well. go-zero's variant is a policy of the same law: see [`Policy::go_zero`].
//!
//! *Ours*: a call is counted when it ends, not when it begins. Otherwise a burst of first calls, none
//! of which can have been accepted yet, would be dropped.

mod gate;
mod law;
mod policy;

pub use gate::{Pass, Throttle};
pub use law::{Dropped, Law};
pub use policy::Policy;

#[cfg(test)]
mod tests;
