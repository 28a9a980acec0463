//! How a cluster spreads calls over priorities and zones.

use super::zone::ZonePolicy;
use super::{InvalidPolicy, Subset};

/// The most a factor may be: a single healthy one of a thousand hosts would do for all.
const MOST_OVERPROVISIONING: u32 = 100_000;

/// The settings of a cluster. The defaults are Envoy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How much more than its part a priority can take, in percent: with 140 it is as good as whole until
    /// less than 72 of 100 hosts are healthy.
    pub overprovisioning: u32,
    /// Below this percentage of healthy hosts (strictly) a priority is in panic and ignores health; at 0
    /// there is no panic.
    pub panic_threshold: u32,
    /// None: zones are not looked at.
    pub zones: Option<ZonePolicy>,
    /// Which endpoints of each priority are in the cluster at all; none for all of them.
    pub subset: Option<Subset>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            overprovisioning: 140,
            panic_threshold: 50,
            zones: None,
            subset: None,
        }
    }
}

impl Policy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if self.overprovisioning == 0 {
            return Err(InvalidPolicy::Zero("overprovisioning"));
        }
        if self.overprovisioning > MOST_OVERPROVISIONING {
            return Err(InvalidPolicy::OutOfRange("overprovisioning"));
        }
        if self.panic_threshold > 100 {
            return Err(InvalidPolicy::OutOfRange("panic_threshold"));
        }
        self.zones.as_ref().map_or(Ok(()), ZonePolicy::validate)?;
        self.subset.as_ref().map_or(Ok(()), Subset::validate)
    }
}
