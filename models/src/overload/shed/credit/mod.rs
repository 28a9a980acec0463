//! Credits: a server says beforehand how much its clients may send, so that nothing is sent to be refused.
//!
//! From Cho et al., "Overload Control for µs-scale RPCs with Breakwater" (OSDI 2020). The server's
//! [`Pool`] grows while requests queue for less than a target and shrinks with how far they are above;
//! clients tell their demand with each request and are told their credits with each answer, which their
//! [`Wallet`] keeps. More credits are out than can be used at once, so what still queues for too long is
//! dropped.

mod policy;
mod pool;
mod wallet;

pub use policy::PoolPolicy;
pub use pool::{Client, Pool};
pub use wallet::Wallet;

#[cfg(test)]
mod tests;
