//! How failures weigh in smooth weighted round robin.

use std::time::Duration;

use super::super::super::InvalidPolicy;

/// What failures do. The defaults are nginx's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmoothPolicy {
    /// So many failures take an endpoint out, and each takes this part of its weight. 0 for failures that
    /// do nothing.
    pub max_fails: u32,
    /// How long an endpoint with that many failures is left alone; at any later instant one call may look
    /// whether it is well again.
    pub fail_timeout: Duration,
}

impl Default for SmoothPolicy {
    fn default() -> Self {
        Self {
            max_fails: 1,
            fail_timeout: Duration::from_secs(10),
        }
    }
}

impl SmoothPolicy {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// Failures count, and the time they count for is zero or longer than ten years.
    pub const fn validate(&self) -> Result<(), InvalidPolicy> {
        if self.max_fails == 0 {
            return Ok(());
        }
        InvalidPolicy::check_time("fail_timeout", self.fail_timeout)
    }
}
