//! What a link does to packets besides taking time and losing some.

use crate::{Bandwidth, Distribution, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a link does to packets; nothing by default. Under TCP all of it is delay, never wrong bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairments {
    /// How fast it is; without bound when absent.
    pub bandwidth: Option<Bandwidth>,
    /// How many bytes wait in front of it, headers counted; what finds no room is lost. As much as
    /// the link carries in 100 ms when absent, but at least 32 KiB. Without a bandwidth nothing waits.
    pub queue: Option<Size>,
    /// The share of packets that arrive twice, 0 to 1.
    pub duplicate: Option<f64>,
    /// Packets that are held back, so that later ones overtake them.
    pub reorder: Option<Reorder>,
    /// The share of packets in which a bit is wrong, 0 to 1.
    pub corrupt: Option<f64>,
}

impl Impairments {
    /// The same, with what is absent taken from `others`. A queue belongs to its bandwidth.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            bandwidth: self.bandwidth.or(others.bandwidth),
            queue: self.queue.or(others.queue),
            duplicate: self.duplicate.or(others.duplicate),
            reorder: self.reorder.or(others.reorder),
            corrupt: self.corrupt.or(others.corrupt),
        }
    }
}

/// Which packets are held back, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reorder {
    /// The share of packets, 0 to 1.
    pub rate: f64,
    /// For how long.
    pub by: Distribution,
}

/// How many bytes wait in front of a link of this bandwidth unless its settings say otherwise.
pub fn usual_queue(bandwidth: Bandwidth) -> Size {
    const USUAL: u64 = 100_000_000;
    Size::from_bytes(bandwidth.bytes_in(USUAL).max(32 << 10))
}
