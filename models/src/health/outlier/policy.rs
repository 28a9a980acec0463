//! Which endpoints are outliers, how many may be out, and for how long.

use std::time::Duration;

use super::super::InvalidPolicy;
use super::super::error::{bounded, lasting, percent, positive};

/// The settings of a detector. The defaults are Envoy's, but for one: see
/// [`active_success_returns`](Self::active_success_returns).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// How often rates are judged and ejected endpoints may return.
    pub interval: Duration,
    /// How long the first ejection lasts; the k-th one without rest lasts k times as long.
    pub base_ejection: Duration,
    /// The longest ejection, before the jitter. Not shorter than `base_ejection`.
    pub max_ejection: Duration,
    /// Up to so much longer, drawn for every ejection, so that many endpoints do not return at once.
    pub ejection_jitter: Duration,
    /// The share of the set that may be ejected, in percent, without rounding: one more is ejected iff it
    /// stays within. 10 % of a set of nine is nobody. Looked at when somebody is about to be ejected: a
    /// set that shrinks keeps those that are out.
    pub max_ejection_percent: u32,
    /// Eject one endpoint whatever the share, if none is.
    pub always_eject_one: bool,
    /// Whether failures of our side count by themselves. If not, they count as 503 or 504.
    pub split_local_origin: bool,
    /// Answers of 5xx in a row.
    pub server_errors: Consecutive,
    /// Answers of 502, 503 or 504 in a row. Not enforced by default.
    pub gateway_failures: Consecutive,
    /// Failures of our side in a row; only if these are split.
    pub local_failures: Consecutive,
    /// The test among peers.
    pub success_rate: SuccessRate,
    /// The absolute test. Not enforced by default.
    pub failure_percentage: FailurePercentage,
    /// Whether a passed active check ends an ejection. Off here (Envoy: on): the endpoint that answers its
    /// health page may still fail real traffic.
    pub active_success_returns: bool,
}

/// A number of failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consecutive {
    /// So many eject, and the count begins anew, ejected or not.
    pub threshold: u32,
    /// How often that is really done, in percent; at 0 it is only told.
    pub enforced: u32,
}

/// Who does clearly worse than its peers: below the mean by so many (population) standard deviations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuccessRate {
    /// Fewer endpoints with enough calls decide nothing.
    pub minimum_hosts: u32,
    /// Calls of one interval that an endpoint needs to be looked at.
    pub request_volume: u64,
    /// How many standard deviations below the mean are too many; strictly below is ejected.
    pub deviations: f64,
    /// As [`Consecutive::enforced`].
    pub enforced: u32,
}

/// Who fails more than a fixed part of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailurePercentage {
    /// Fewer endpoints with enough calls decide nothing.
    pub minimum_hosts: u32,
    /// Calls of one interval that an endpoint needs to be looked at.
    pub request_volume: u64,
    /// So many percent of failures are too many; exactly so many, too.
    pub threshold: u32,
    /// As [`Consecutive::enforced`].
    pub enforced: u32,
}

impl Default for Policy {
    fn default() -> Self {
        let five = |enforced| Consecutive {
            threshold: 5,
            enforced,
        };
        Self {
            interval: Duration::from_secs(10),
            base_ejection: Duration::from_secs(30),
            max_ejection: Duration::from_secs(300),
            ejection_jitter: Duration::ZERO,
            max_ejection_percent: 10,
            always_eject_one: false,
            split_local_origin: false,
            server_errors: five(100),
            gateway_failures: five(0),
            local_failures: five(100),
            success_rate: SuccessRate {
                minimum_hosts: 5,
                request_volume: 100,
                deviations: 1.9,
                enforced: 100,
            },
            failure_percentage: FailurePercentage {
                minimum_hosts: 5,
                request_volume: 50,
                threshold: 85,
                enforced: 0,
            },
            active_success_returns: false,
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
        lasting("interval", self.interval)?;
        lasting("base_ejection", self.base_ejection)?;
        lasting("max_ejection", self.max_ejection)?;
        bounded("ejection_jitter", self.ejection_jitter)?;
        if self.base_ejection > self.max_ejection {
            return Err(InvalidPolicy::Exceeds("base_ejection", "max_ejection"));
        }
        percent("max_ejection_percent", self.max_ejection_percent)?;
        self.server_errors
            .validate("server_errors.threshold", "server_errors.enforced")?;
        self.gateway_failures
            .validate("gateway_failures.threshold", "gateway_failures.enforced")?;
        self.local_failures
            .validate("local_failures.threshold", "local_failures.enforced")?;
        self.success_rate.validate()?;
        self.failure_percentage.validate()
    }

    /// Whether one more of `hosts` may be ejected if `ejected` are. Whole numbers: nothing is rounded.
    pub(super) fn allows(&self, ejected: usize, hosts: usize) -> bool {
        let within =
            100 * (ejected as u128 + 1) <= u128::from(self.max_ejection_percent) * hosts as u128;
        within || (self.always_eject_one && ejected == 0)
    }

    /// How long the `times`-th ejection without rest lasts, before the jitter.
    pub(super) fn ejection(&self, times: u32) -> Duration {
        let grown = self.base_ejection.saturating_mul(times);
        grown.min(self.max_ejection)
    }

    /// Whether the ejection after the `times`-th one counts one more.
    pub(super) fn grows(&self, times: u32) -> bool {
        self.base_ejection.saturating_mul(times) < self.max_ejection + self.base_ejection
    }
}

impl Consecutive {
    const fn validate(
        &self,
        threshold: &'static str,
        enforced: &'static str,
    ) -> Result<(), InvalidPolicy> {
        match positive(threshold, self.threshold as u64) {
            Ok(()) => percent(enforced, self.enforced),
            refused => refused,
        }
    }
}

impl SuccessRate {
    fn validate(&self) -> Result<(), InvalidPolicy> {
        positive("success_rate.minimum_hosts", u64::from(self.minimum_hosts))?;
        positive("success_rate.request_volume", self.request_volume)?;
        if !(self.deviations > 0.0 && self.deviations.is_finite()) {
            return Err(InvalidPolicy::OutOfRange("success_rate.deviations"));
        }
        percent("success_rate.enforced", self.enforced)
    }
}

impl FailurePercentage {
    fn validate(&self) -> Result<(), InvalidPolicy> {
        let hosts = u64::from(self.minimum_hosts);
        positive("failure_percentage.minimum_hosts", hosts)?;
        positive("failure_percentage.request_volume", self.request_volume)?;
        // Zero would eject those that never fail.
        positive("failure_percentage.threshold", u64::from(self.threshold))?;
        percent("failure_percentage.threshold", self.threshold)?;
        percent("failure_percentage.enforced", self.enforced)
    }
}
