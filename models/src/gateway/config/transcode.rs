//! A route that speaks REST with clients and gRPC with its upstream, as a file says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests become gRPC calls by the `google.api.http` rules of the services; requests that are gRPC
/// already go on as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Transcode {
    /// A file with the descriptors of the services and of all they import
    /// (`protoc --include_imports --descriptor_set_out`).
    pub descriptors: String,
    /// The services, by full name: `library.v1.Library`.
    pub services: Vec<String>,
    /// Whether fields are written by the names of the `.proto` file instead of in camel case. Both are
    /// read always.
    #[serde(default)]
    pub preserve_proto_names: bool,
    /// Whether enums are written as numbers.
    #[serde(default)]
    pub enums_as_numbers: bool,
    /// Whether fields that have their default are written as well.
    #[serde(default)]
    pub write_defaults: bool,
    /// Whether fields, enum values and query parameters that nobody knows are passed over instead of
    /// answered with 400.
    #[serde(default)]
    pub ignore_unknown: bool,
    /// The largest message that is taken from the upstream, in bytes.
    #[serde(default = "four_mebibytes")]
    pub max_message: usize,
}

const fn four_mebibytes() -> usize {
    4 * 1024 * 1024
}
