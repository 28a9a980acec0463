//! Which balancer, as a value.

use rand_core::Rng;

use super::{Balancer, Endpoint, PowerOfTwo, RoundRobin};

/// How endpoints are picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// One after the other.
    RoundRobin,
    /// The less loaded of two at random.
    #[default]
    PowerOfTwo,
}

impl Policy {
    /// A balancer over `endpoints`.
    pub fn build(
        self,
        endpoints: &[Endpoint],
        rng: impl Rng + Send + 'static,
    ) -> Box<dyn Balancer> {
        match self {
            Self::RoundRobin => Box::new(RoundRobin::new(endpoints)),
            Self::PowerOfTwo => Box::new(PowerOfTwo::new(endpoints, rng)),
        }
    }
}
