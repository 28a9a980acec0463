//! The settings of both sides.

use std::time::Duration;

use super::InvalidLease;
use crate::limit::policy::whole_period;
use crate::limit::{Gcra, InvalidQuota, Quota};

/// The side that lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerPolicy {
    /// The limit for all holders together.
    pub quota: Quota,
    /// The most that is lent to one holder at a time.
    pub chunk: u32,
    /// How long a lease lasts, and how long a crashed ledger or a lost holder withholds cells.
    pub ttl: Duration,
    /// How many holders are known at a time; others get nothing.
    pub holders: usize,
}

impl LedgerPolicy {
    /// The time of a cell and of a lease in nanoseconds, checked.
    pub(super) fn times(&self) -> Result<(u64, u64), InvalidLease> {
        let cell = self.quota.cell_time()?;
        let ttl = whole_period("ttl", self.ttl)?;
        if self.chunk == 0 {
            return Err(InvalidQuota::Zero("chunk").into());
        }
        if self.holders == 0 {
            return Err(InvalidQuota::Zero("holders").into());
        }
        if self.chunk > self.quota.burst {
            return Err(InvalidLease::Contradiction("chunk"));
        }
        Ok((cell, ttl))
    }
}

/// What a holder does when it has nothing left and the ledger does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDown {
    /// Fails closed: nothing passes, and callers are told that it is not their fault.
    Refuse,
    /// Fails open: everything passes.
    Admit,
    /// Fails half open: so much passes per holder, judged by the generic cell rate algorithm.
    Local(Quota),
}

/// The side that borrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderPolicy {
    /// How many cells it likes to have. More are never admitted at once.
    pub wanted: u32,
    /// It asks for more once it has so few.
    pub low: u32,
    /// It asks again after so long without an answer, or with one that brought too little. Above the
    /// round trip to the ledger.
    pub again: Duration,
    /// The ledger counts as down once it has not answered for so long.
    pub patience: Duration,
    /// What then.
    pub when_down: WhenDown,
}

impl HolderPolicy {
    /// `again`, `patience` in nanoseconds, and the law for when the ledger is down; checked.
    pub(super) fn parts(&self) -> Result<(u64, u64, Option<Gcra>), InvalidLease> {
        if self.wanted == 0 {
            return Err(InvalidQuota::Zero("wanted").into());
        }
        if self.low >= self.wanted {
            return Err(InvalidLease::Contradiction("low"));
        }
        let again = whole_period("again", self.again)?;
        let patience = whole_period("patience", self.patience)?;
        if patience < again {
            return Err(InvalidLease::Contradiction("patience"));
        }
        let local = match &self.when_down {
            WhenDown::Local(quota) => Some(Gcra::new(quota)?),
            WhenDown::Refuse | WhenDown::Admit => None,
        };
        Ok((again, patience, local))
    }
}
