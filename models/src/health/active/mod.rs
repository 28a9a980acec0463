//! Active checks: asks every endpoint of a set from time to time, or lets it report.
//!
//! It prevents that traffic goes to a node that is dead: one leaves within [`Policy::longest_detection`].
//! It can cause that traffic goes to one that is as good as dead: whatever answers the check is not what
//! does the work (a health page of its own thread stays green while every request hangs in a deadlock).
//! Let the page do a little of the real work, and put [`outlier`](super::outlier) beside it.
//!
//! The law is Envoy's: two thresholds, one success is enough on start, a wrong status condemns at once,
//! other intervals right after a change and without traffic. Ours is that intervals are counted from the
//! start of one probe to the start of the next, so that slow failures do not stretch the bound.
//!
//! Probes speak HTTP ([`HttpProbe`]) and TCP ([`TcpProbe`]); with [`Ttl`] the endpoint reports itself.

mod check;
mod policy;
mod probe;
mod set;
mod watch;

pub use check::{Change, Check, Probed};
pub use policy::Policy;
pub use probe::{HttpExpectation, HttpProbe, Probe, Probing, TcpProbe, Ttl};
pub use set::{Checks, Counters, Observer};

#[cfg(test)]
mod tests;
