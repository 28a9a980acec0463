//! Consistent hashing: calls of one key go to one endpoint, and a change of the set moves few keys.
//!
//! It prevents that every change of the set empties every cache behind it, which is what a hash modulo
//! the number of endpoints does. It can cause that one endpoint drowns: a weak hash or few points make
//! shares unequal, one hot key is one hot endpoint, and a table that follows the health of its endpoints
//! moves keys to and fro. So the tables here are built from names and weights only; who may be called
//! right now is asked at every lookup, and the keys of an endpoint that may not are spread over the
//! others. Against hot keys there is [`Bounded`].
//!
//! | table | shares | a key costs | without one endpoint |
//! |---|---|---|---|
//! | [`Ring::ketama`] | about 15 % off, by weight | a binary search | its keys move, no others |
//! | [`Ring::sized`] | better with more points | a binary search | its keys, and some of the others as they get more points |
//! | [`Maglev`] | equal to one slot | one look | its keys, and a few of the others |
//! | [`Rendezvous`] | as even as the keys are | a hash per endpoint | its keys move, no others |
//!
//! A table knows its endpoints by their number in [`Nodes`]. [`Hashed`] is the balancer over all of them.
//!
//! Sources: Karger et al. 1997 (rings), nginx `hash ... consistent` (ketama), Envoy (sizes of a ring,
//! weights in Maglev), Thaler and Ravishankar 1998 (rendezvous), Eisenbud et al. 2016 (Maglev),
//! Mirrokni, Thorup and Zadimoghaddam 2016 and Chen, Coleman and Shrivastava 2019 (bounded loads).

mod balancer;
mod bounded;
mod counters;
mod error;
pub mod hashes;
mod maglev;
mod nodes;
mod policy;
mod rendezvous;
mod ring;

pub use balancer::Hashed;
pub use bounded::{Bound, Bounded, Place};
pub use counters::Counters;
pub use error::{InvalidPolicy, InvalidSize};
pub use maglev::{Maglev, Permutation};
pub use nodes::Nodes;
pub use policy::{Layout, Policy};
pub use rendezvous::Rendezvous;
pub use ring::{Ring, Sizes, Width};

/// Who is responsible for which key.
pub trait Table: std::fmt::Debug + Send + Sync {
    /// The number of the first willing node in the key's order of succession. The order is the same at
    /// every call, and what is built does not change: a node that is willing again has its keys back.
    /// `willing` may be asked any number of times. None if no node is willing.
    fn heir(&self, key: u64, willing: &mut dyn FnMut(usize) -> bool) -> Option<usize>;

    /// The number of the node that the key belongs to; none if there is no node.
    fn owner(&self, key: u64) -> Option<usize> {
        self.heir(key, &mut |_| true)
    }
}

#[cfg(test)]
mod tests;
