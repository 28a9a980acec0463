//! Hedging: a second attempt where the first one is slow, and whoever succeeds first counts.
//!
//! It prevents that the slowest of many servers decides how long everybody waits (J. Dean and L. A.
//! Barroso, "The Tail at Scale"). It can cause twice the load at the very moment when everything is slow,
//! twice the effect of a write, and, at the same host, the same wait twice. Hence a budget shared with the
//! retries, idempotent requests only, other endpoints, and a delay that few calls exceed.

mod latency;
mod policy;
mod race;
mod service;

pub use policy::{Delay, InvalidPolicy, Policy};
pub use service::HedgeService;

#[cfg(test)]
mod tests;
