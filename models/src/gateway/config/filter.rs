//! Filters, as a file says them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::quantity;

/// One filter: what looks at requests on their way on and at answers on their way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filter {
    /// What it is: `cors`, `request-id`, `security-headers`, `compression`, `fault`, or the name of one
    /// that the program brought along.
    pub kind: String,
    /// What becomes of a request or an answer that it fails on.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How long it may take, each time it is asked.
    #[serde(default = "a_second", with = "quantity::duration")]
    pub timeout: Duration,
    /// What it is told; its kind says what that may be.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

const fn a_second() -> Duration {
    Duration::from_secs(1)
}

/// What a filter's failure means: an error, a panic, or too long a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The request is refused with 500.
    #[default]
    Closed,
    /// The request goes on as if the filter were not there.
    Open,
}
