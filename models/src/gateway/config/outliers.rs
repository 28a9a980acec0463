//! Which endpoints are left out for a while, as a file says it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity;
use crate::health::outlier::{Consecutive, FailurePercentage, Policy, SuccessRate};

/// Endpoints that do worse than the others are left out for a while (Envoy's outlier detection).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Outliers {
    /// So many answers of 5xx, or failures to get one, in a row; 0 for never.
    pub consecutive_errors: u32,
    /// So many answers of 502, 503 or 504, or failures to get one, in a row; 0 for never.
    pub consecutive_gateway_errors: u32,
    /// A success rate below the mean of all endpoints by so many standard deviations; 0 for never.
    pub deviations: f64,
    /// So many percent of failures; 0 for never.
    pub failure_percentage: u32,
    /// How many endpoints need enough requests before rates are judged.
    pub minimum_endpoints: u32,
    /// How many requests of one interval are enough.
    pub minimum_requests: u64,
    /// How often rates are judged and endpoints may return.
    #[serde(with = "quantity::duration")]
    pub interval: Duration,
    /// How long the first absence lasts; the k-th one lasts k times as long.
    #[serde(with = "quantity::duration")]
    pub base_ejection: Duration,
    /// The longest absence.
    #[serde(with = "quantity::duration")]
    pub max_ejection: Duration,
    /// The largest part that may be left out, in percent; a set of three has none of 10 %.
    pub max_ejection_percent: u32,
    /// One may be left out whatever the part.
    pub always_eject_one: bool,
}

impl Default for Outliers {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            consecutive_errors: policy.server_errors.threshold,
            consecutive_gateway_errors: 0,
            deviations: policy.success_rate.deviations,
            failure_percentage: 0,
            minimum_endpoints: policy.success_rate.minimum_hosts,
            minimum_requests: policy.success_rate.request_volume,
            interval: policy.interval,
            base_ejection: policy.base_ejection,
            max_ejection: policy.max_ejection,
            max_ejection_percent: policy.max_ejection_percent,
            always_eject_one: policy.always_eject_one,
        }
    }
}

impl Outliers {
    /// The detector's policy.
    pub fn policy(&self) -> Policy {
        let default = Policy::default();
        let enforced = |is_on: bool| if is_on { 100 } else { 0 };
        let in_a_row = |threshold: u32| Consecutive {
            threshold: threshold.max(1),
            enforced: enforced(threshold > 0),
        };
        Policy {
            interval: self.interval,
            base_ejection: self.base_ejection,
            max_ejection: self.max_ejection,
            max_ejection_percent: self.max_ejection_percent,
            always_eject_one: self.always_eject_one,
            server_errors: in_a_row(self.consecutive_errors),
            gateway_failures: in_a_row(self.consecutive_gateway_errors),
            success_rate: SuccessRate {
                minimum_hosts: self.minimum_endpoints,
                request_volume: self.minimum_requests,
                deviations: if self.deviations == 0.0 {
                    default.success_rate.deviations
                } else {
                    self.deviations
                },
                enforced: enforced(self.deviations != 0.0),
            },
            failure_percentage: FailurePercentage {
                minimum_hosts: self.minimum_endpoints,
                request_volume: self.minimum_requests,
                threshold: match self.failure_percentage {
                    0 => default.failure_percentage.threshold,
                    percent => percent,
                },
                enforced: enforced(self.failure_percentage > 0),
            },
            ..default
        }
    }
}
