//! What can be wrong with the settings of a shared limit.

use crate::limit::InvalidQuota;

/// Settings that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLease {
    /// The quota itself.
    #[error(transparent)]
    Quota(#[from] InvalidQuota),
    /// A value that contradicts another: more lent at once than the burst holds, asking again before
    /// anything is spent, giving up before the first repetition.
    #[error("`{0}` contradicts the other settings")]
    Contradiction(&'static str),
}
