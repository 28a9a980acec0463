//! What holders and the ledger say to each other. All figures are states or running totals, so that a
//! message may be lost, late, repeated or overtaken.

use serde::{Deserialize, Serialize};

/// A holder asks, and says what is left of what it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Which holder; another one after each start of its process.
    pub holder: u64,
    /// Rises with every ask of this holder.
    pub number: u64,
    /// The holder's clock in nanoseconds; comes back with the answer.
    pub asked_at: u64,
    /// The account that the next three figures are about; none if it knows of none.
    pub epoch: Option<u64>,
    /// All that it knows to have been lent to it on this account.
    pub known: u64,
    /// What is left of that.
    pub held: u32,
    /// All that it gave back on this account. It will not spend that.
    pub returned: u64,
    /// How much it would like to hold.
    pub wanted: u32,
}

/// The ledger's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whom it is for. A holder that was started anew does not take what its predecessor asked for.
    pub holder: u64,
    /// The ask it answers.
    pub number: u64,
    /// As that ask said.
    pub asked_at: u64,
    /// The account. Of another one than before nothing is left.
    pub epoch: u64,
    /// All that was lent on this account.
    pub lent: u64,
    /// For how long after `asked_at` it may be spent, in nanoseconds.
    pub ttl: u64,
    /// In how many nanoseconds the rate brings another cell; zero if there is one, or if all are lent out
    /// and it depends on other holders.
    pub next: u64,
}
