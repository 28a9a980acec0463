//! How the cores of a host are given to those who want them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A discipline of a host's cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduling {
    /// First come, first served: who works has a core alone until it is done, and others wait.
    #[default]
    Fifo,
    /// All work goes on at once, at the same pace: the limit of a fair scheduler with short time slices.
    ProcessorSharing,
}
