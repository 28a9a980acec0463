//! Subsets: one caller talks to a few of many endpoints.
//!
//! It prevents that every caller holds connections to, and checks the health of, every endpoint. It can
//! cause uneven load, if callers do not spread over the endpoints as they should, and it takes a caller's
//! endpoints away together, if their number is small: 20 to 100 is usual.
//!
//! The choice is made among all endpoints, healthy or not, and by their names, so neither health nor the
//! order of discovery changes it. [`Spread`] says how well the subsets of all callers cover the endpoints.

mod aperture;
mod deterministic;
mod random;
mod spread;

pub use spread::Spread;

use super::super::Endpoint;
use super::InvalidPolicy;

/// Which endpoints one caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subset {
    /// The deterministic subsets of the Site Reliability Engineering book (chapter 20): callers are
    /// numbered without gaps; those of one round share out one shuffled list, so all endpoints get equally
    /// many, but for those that a round leaves over.
    Deterministic {
        /// The number of this caller.
        client: u64,
        /// How many endpoints.
        size: u32,
    },
    /// The deterministic aperture of Finagle: all callers and all endpoints lie evenly on one ring, and a
    /// caller has those its arc meets, weighted by how much. Endpoints get equal load whatever the numbers
    /// are, if the algorithm knows weights. What they weighed before is not looked at.
    Aperture {
        /// The place of this caller among them.
        peer: u32,
        /// How many callers there are.
        peers: u32,
        /// How many endpoints at least.
        width: u32,
    },
    /// The random subsets of gRPC (A68): those whose hash with the caller's seed is lowest. Nobody needs a
    /// number, one endpoint that comes or goes changes one in each subset; the load is as even as chance.
    Random {
        /// Different for every caller, and the same as long as that lives.
        seed: u64,
        /// How many endpoints.
        size: u32,
    },
}

impl Subset {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// A size of zero, or a peer that is not among them.
    pub const fn validate(&self) -> Result<(), InvalidPolicy> {
        match *self {
            Self::Deterministic { size: 0, .. } | Self::Random { size: 0, .. } => {
                Err(InvalidPolicy::Zero("subset.size"))
            }
            Self::Aperture { width: 0, .. } => Err(InvalidPolicy::Zero("subset.width")),
            Self::Aperture { peer, peers, .. } if peer >= peers => {
                Err(InvalidPolicy::OutOfRange("subset.peer"))
            }
            _ => Ok(()),
        }
    }

    /// The caller's endpoints, in an order that differs from caller to caller. All of them, if there are
    /// not more than asked for. `endpoints` have different names.
    pub fn choose(&self, endpoints: &[Endpoint]) -> Vec<Endpoint> {
        match *self {
            Self::Deterministic { client, size } => {
                deterministic::choose(endpoints, client, size as usize)
            }
            Self::Aperture { peer, peers, width } => {
                aperture::choose(endpoints, peer, peers, width)
            }
            Self::Random { seed, size } => random::choose(endpoints, seed, size as usize),
        }
    }
}

#[cfg(test)]
mod tests;
