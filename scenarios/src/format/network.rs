//! The network of a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::{
    Bandwidth, Distribution, Dns, Impairments, Reorder, Size, target::Targets,
};

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
    /// How fast each direction between two hosts is: `"10Mbit/s"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Bandwidth>,
    /// How many bytes wait in front of it; as much as it carries in 100 ms by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Size>,
    /// The share of packets that arrive twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<f64>,
    /// Packets that are held back, so that later ones overtake them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder: Option<Reorder>,
    /// The share of packets in which a bit is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<f64>,
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
    /// The name service; without one, names are known at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
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
    /// How fast each of its directions is: `"10Mbit/s"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Bandwidth>,
    /// How many bytes wait in front of it; as much as it carries in 100 ms by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Size>,
    /// The share of packets that arrive twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<f64>,
    /// Packets that are held back, so that later ones overtake them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<Reorder>,
    /// The share of packets in which a bit is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<f64>,
}

impl Network {
    /// What links between hosts do to packets.
    pub const fn impairments(&self) -> Impairments {
        Impairments {
            bandwidth: self.bandwidth,
            queue: self.queue,
            duplicate: self.duplicate,
            reorder: self.reorder,
            corrupt: self.corrupt,
        }
    }
}

impl Link {
    /// What this link does to packets.
    pub const fn impairments(&self) -> Impairments {
        Impairments {
            bandwidth: self.bandwidth,
            queue: self.queue,
            duplicate: self.duplicate,
            reorder: self.reorder,
            corrupt: self.corrupt,
        }
    }
}
