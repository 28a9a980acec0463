//! How each kind of rule comes to its verdict, one file per kind.

pub mod state;

pub(crate) mod built_in;
pub(crate) mod eventually;
pub(crate) mod faults;
pub(crate) mod recovers;
pub(crate) mod saga_atomic;
pub(crate) mod sometimes;
pub(crate) mod threshold;

use windtunnel_record::{Reason, Verdict};

/// What came of a rule and how often it was asked.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) evaluated: u64,
}

impl Judged {
    pub(crate) fn new(verdict: Verdict, evaluated: u64) -> Self {
        Self { verdict, evaluated }
    }

    pub(crate) fn unknown(reason: Reason) -> Self {
        Self::new(Verdict::Unknown(reason), 0)
    }
}
