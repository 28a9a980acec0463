//! One limit for many processes: a ledger lends out cells, and each holder spends what it borrowed
//! without asking.
//!
//! It prevents that the effective limit is the limit times the number of gateways, and that each call
//! costs a round trip. It can cause refusals while cells lie unused with another holder, and an outage or
//! a storm when the ledger cannot be asked: which of the two is said by [`WhenDown`], per limit.
//!
//! The bound. The ledger never lets what is in its bucket and what is lent out exceed the burst together:
//! while cells are lent out the bucket fills only up to the rest. Lent out are all cells that could still
//! be spent: those of which the holder has not said that they are gone, and whose lease has not run out.
//! A holder counts its lease from the instant at which it asked, so it stops before the ledger writes the
//! lease off. Every cell that is spent in a window was therefore in bucket or leases when the window
//! began (at most burst), or came in by the rate during the window. So **all holders together get at most
//! burst + w ÷ T in any window of length w, whatever is lost, late, repeated or out of order, also under
//! a partition: an overshoot of zero**. It takes clocks that run equally fast: a holder's clock that is
//! slow by a part d overshoots by at most what it holds, for d·ttl. [`WhenDown::Local`] adds its own
//! quota once per holder, and [`WhenDown::Admit`] has no bound.
//!
//! The price. A holder that is cut off withholds what it borrowed for one `ttl`, and the ledger learns
//! only with the next ask what is spent: so the throughput is at most burst per the time between two
//! asks. Choose a burst of several times `chunk`·holders.

mod error;
mod holder;
mod ledger;
mod message;
mod policy;
mod shared;

pub use error::InvalidLease;
pub use holder::{Holder, HolderCounts};
pub use ledger::Ledger;
pub use message::{Ask, Grant};
pub use policy::{HolderPolicy, LedgerPolicy, WhenDown};
pub use shared::{SharedLimiter, Transport};

#[cfg(test)]
mod tests;
