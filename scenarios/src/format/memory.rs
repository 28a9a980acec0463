//! The memory of a service's hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::Size;

/// How much memory a replica has, and what a request takes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Memory {
    /// The process is killed when it uses more; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Size>,
    /// Described: how much each request takes from its arrival to its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_request: Option<Size>,
}
