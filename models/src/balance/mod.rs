//! Load balancing: spreads calls over equal endpoints.
//!
//! It prevents that one endpoint drowns while others idle. It can cause exactly that: with counts that
//! are not given back a healthy endpoint looks busy for ever, with a position kept as an index the
//! neighbour of a failed endpoint gets its share too.

mod error;
mod members;
mod p2c;
mod policy;
mod round_robin;

use std::sync::Arc;

pub use error::NoEndpoint;
pub use members::InFlight;
pub use p2c::PowerOfTwo;
pub use policy::Policy;
pub use round_robin::RoundRobin;

/// Whether an endpoint takes the call. Asked at most once per endpoint and pick, outside of every lock;
/// the endpoint it says yes to is the one picked, so it may take a breaker's permit while it answers.
pub type Admits<'a> = dyn FnMut(&Arc<str>) -> bool + 'a;

/// Picks an endpoint for each call.
pub trait Balancer: std::fmt::Debug + Send + Sync {
    /// Picks an endpoint that admits the call. One that refuses keeps no slot and takes nobody's turn.
    ///
    /// # Errors
    ///
    /// There is no endpoint, or none admits.
    fn pick(&self, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint>;

    /// Replaces the set; those that stay keep their load, one that left is never picked again.
    fn update(&self, endpoints: &[Arc<str>]);

    /// What each endpoint has in flight.
    fn loads(&self) -> Vec<(Arc<str>, usize)>;
}

impl NoEndpoint {
    const fn after(asked: usize) -> Self {
        if asked == 0 {
            Self::Empty
        } else {
            Self::NoneAdmits { asked }
        }
    }
}

#[cfg(test)]
mod tests;
