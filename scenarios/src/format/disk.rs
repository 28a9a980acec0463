//! The disk of a service's hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Distribution, Size, Throughput};

/// What the disk of each replica is like; what is absent has its default (an fsync takes 0.5 ms at the
/// median and 4 ms at the 99th percentile, all else takes no time, and there is always room).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Disk {
    /// How long an fsync takes, besides moving its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<Distribution>,
    /// How long a read takes that the page cache cannot serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Distribution>,
    /// How long each write into the page cache takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<Distribution>,
    /// How fast bytes move between page cache and medium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Throughput>,
    /// How many bytes it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Size>,
}
