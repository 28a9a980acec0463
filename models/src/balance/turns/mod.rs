//! Balancers that go round, whatever the endpoints have to do.
//!
//! They prevent that chance or a wrong measure of load gives one endpoint more than its share. They can
//! cause that a slow endpoint fills up, because its share stays the same. [`SmoothWeighted`] knows
//! failures and is the same at every gateway; [`EarliestDeadline`] begins at random, so that many gateways
//! do not meet at one endpoint.

mod deadlines;
mod earliest_deadline;
mod round_robin;
mod smooth;

pub use deadlines::{DeadlineTurn, Deadlines, Share, Weigh};
pub use earliest_deadline::{EarliestDeadline, EarliestDeadlinePolicy};
pub use round_robin::RoundRobin;
pub use smooth::{PeerId, SmoothPeers, SmoothPolicy, SmoothTurn, SmoothWeighted, SmoothWeights};

#[cfg(test)]
mod tests;
