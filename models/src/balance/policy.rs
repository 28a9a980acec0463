//! Which balancer, as a value.

use rand_core::Rng;

use super::load::{LeastRequestPolicy, PeakEwmaPolicy, PowerOfTwoEwmaPolicy};
use super::turns::{EarliestDeadlinePolicy, SmoothPolicy};
use super::{
    Balancer, EarliestDeadline, Endpoint, Hashed, InvalidPolicy, LeastRequest, PeakEwma,
    PowerOfTwo, PowerOfTwoEwma, RoundRobin, SmoothWeighted, hashed,
};

/// How endpoints are picked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Policy {
    /// One after the other.
    RoundRobin,
    /// The less loaded of two at random.
    #[default]
    PowerOfTwo,
    /// In turns by weight, as nginx: endpoints that fail weigh less for a while.
    SmoothWeighted(SmoothPolicy),
    /// In turns by weight, on a schedule that begins at random.
    EarliestDeadline(EarliestDeadlinePolicy),
    /// As Envoy: the least loaded of a few, or by weights that calls in flight lessen.
    LeastRequest(LeastRequestPolicy),
    /// As linkerd: of two the one that is expected to answer first.
    PeakEwma(PeakEwmaPolicy),
    /// As go-zero.
    PowerOfTwoEwma(PowerOfTwoEwmaPolicy),
    /// Calls of one key to one endpoint.
    Hashed(hashed::Policy),
}

impl Policy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        match self {
            Self::RoundRobin | Self::PowerOfTwo => Ok(()),
            Self::SmoothWeighted(policy) => policy.validate(),
            Self::EarliestDeadline(policy) => policy.validate(),
            Self::LeastRequest(policy) => policy.validate(),
            Self::PeakEwma(policy) => policy.validate(),
            Self::PowerOfTwoEwma(policy) => policy.validate(),
            Self::Hashed(policy) => Ok(policy.validate()?),
        }
    }

    /// A balancer over `endpoints`.
    ///
    /// # Errors
    ///
    /// The policy cannot be meant.
    pub fn build(
        self,
        endpoints: &[Endpoint],
        rng: impl Rng + Send + 'static,
    ) -> Result<Box<dyn Balancer>, InvalidPolicy> {
        Ok(match self {
            Self::RoundRobin => Box::new(RoundRobin::new(endpoints)),
            Self::PowerOfTwo => Box::new(PowerOfTwo::new(endpoints, rng)),
            Self::SmoothWeighted(policy) => Box::new(SmoothWeighted::new(endpoints, policy)?),
            Self::EarliestDeadline(policy) => {
                Box::new(EarliestDeadline::new(endpoints, policy, rng)?)
            }
            Self::LeastRequest(policy) => Box::new(LeastRequest::new(endpoints, policy, rng)?),
            Self::PeakEwma(policy) => Box::new(PeakEwma::new(endpoints, policy, rng)?),
            Self::PowerOfTwoEwma(policy) => Box::new(PowerOfTwoEwma::new(endpoints, policy, rng)?),
            Self::Hashed(policy) => Box::new(Hashed::new(&policy, endpoints, rng)?),
        })
    }
}
