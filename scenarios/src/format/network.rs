//! The network of a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Distribution, target::Targets};

/// What the network is like; what is absent has its default (about 30 µs from a host to itself,
/// 0.3 ms in a zone, 1 ms between zones, no loss, SYN retries as Linux 6.5 and later).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Network {
    /// Latency from a host to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loopback: Option<Distribution>,
    /// Latency between hosts of one zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_zone: Option<Distribution>,
    /// Latency between zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_zone: Option<Distribution>,
    /// The share of packets lost between hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Linux `tcp_syn_retries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_retries: Option<u8>,
    /// Linux `tcp_syn_linear_timeouts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn_linear: Option<u8>,
    /// Linux `tcp_retries2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries2: Option<u8>,
    /// Whether hosts of a zone share a link, on which dead hosts are unreachable after 3 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_link: Option<bool>,
    /// Links that differ; a later one wins.
    pub links: Vec<Link>,
}

/// A link that differs, in both directions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// Its two ends.
    pub between: [Targets; 2],
    /// Its latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Distribution>,
    /// Its loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}
