//! Load balancing: spreads calls over the endpoints of a set.
//!
//! It prevents that one endpoint drowns while others idle. It can cause exactly that: with counts that
//! are not given back a healthy endpoint looks busy for ever, with a position kept as an index the
//! neighbour of a failed endpoint gets its share too, with a load measured by latency alone the endpoint
//! that fails fastest gets everything.
//!
//! [`turns`] go round by weight, [`load`] looks at what the endpoints have to do, [`hashed`] keeps calls of
//! one key together. All are behind one trait, [`Balancer`]; a [`cluster`] puts them together over
//! priorities and zones. With a [`SlowStart`] an endpoint that joins gets its share little by little.

mod asking;
pub mod cluster;
mod endpoint;
mod error;
pub mod hashed;
pub mod load;
mod members;
mod policy;
mod slow_start;
pub mod turns;

use std::sync::Arc;

pub use cluster::Cluster;
pub use endpoint::Endpoint;
pub use error::{InvalidPolicy, NoEndpoint};
pub use hashed::Hashed;
pub use load::{LeastRequest, PeakEwma, PowerOfTwo, PowerOfTwoEwma};
pub use members::{InFlight, Outcome};
pub use policy::Policy;
pub use slow_start::SlowStart;
pub use turns::{EarliestDeadline, RoundRobin, SmoothWeighted};

/// Whether an endpoint takes the call. Asked at most once per endpoint and pick, outside of every lock;
/// the endpoint it says yes to is the one picked, so it may take a breaker's permit while it answers.
pub type Admits<'a> = dyn FnMut(&Arc<str>) -> bool + 'a;

/// What a balancer has to know of a call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The hash of what calls of one kind have in common, for algorithms that keep them together.
    pub key: Option<u64>,
    /// Which endpoints come into question at all (healthy, not tried yet). Without effects and quick: it
    /// may be asked any number of times, also in the middle of a decision.
    pub eligible: &'a dyn Fn(&Arc<str>) -> bool,
}

impl Default for Call<'_> {
    fn default() -> Self {
        Self {
            key: None,
            eligible: &|_| true,
        }
    }
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut call = f.debug_struct("Call");
        call.field("key", &self.key).finish_non_exhaustive()
    }
}

/// Picks an endpoint for each call.
pub trait Balancer: std::fmt::Debug + Send + Sync {
    /// Picks an eligible endpoint that admits the call. One that is not eligible or refuses keeps no slot
    /// and takes nobody's turn.
    ///
    /// # Errors
    ///
    /// There is no endpoint, none is eligible, or none admits.
    fn pick(&self, call: &Call<'_>, admits: &mut Admits<'_>) -> Result<InFlight, NoEndpoint>;

    /// Replaces the set; those that stay keep their load and what is remembered of them, one that left is
    /// never picked again.
    fn update(&self, endpoints: &[Endpoint]);

    /// What each endpoint has in flight.
    fn loads(&self) -> Vec<(Arc<str>, usize)>;
}

#[cfg(test)]
mod tests;
