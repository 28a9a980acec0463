//! Who asks for what, and how often.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Distribution, Rate, Span};

/// A load from a host of its own with the role `client`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Load {
    /// Its name, which is also its host's.
    pub name: String,
    /// The zone its clients stand in.
    #[serde(default = "zone")]
    pub zone: String,
    /// The service that is asked.
    pub via: String,
    /// A described request: method and path; `{key}` and `{n}` stand for the key and the number.
    #[serde(default = "get")]
    pub request: String,
    /// A written client, such as `shop/checkout`, instead of `request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// How clients come.
    #[serde(default)]
    pub model: Model,
    /// What they ask for.
    #[serde(default)]
    pub keys: Keys,
    /// For the open model: rates, one after the other.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// How long a client waits for an answer.
    #[serde(default = "second")]
    pub timeout: Span,
    /// The retry policy; absent: asked once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// The breaker policy; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<String>,
    /// The balancer policy over the replicas; absent: power of two choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer: Option<String>,
}

fn zone() -> String {
    "a".into()
}

fn get() -> String {
    "GET /".into()
}

fn second() -> Span {
    Span::from_secs(1)
}

/// How clients come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Model {
    /// At their own pace, whatever the answers do.
    #[default]
    Open,
    /// So many, each waiting for its answer and then a while.
    Closed {
        /// How many.
        clients: u32,
        /// The while.
        think: Distribution,
    },
}

/// What is asked for: keys from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Keys {
    /// Each of so many alike.
    Uniform(u64),
    /// By Zipf's law.
    Zipf {
        /// How many.
        n: usize,
        /// The exponent.
        s: f64,
    },
}

impl Default for Keys {
    fn default() -> Self {
        Self::Uniform(1000)
    }
}

/// A stretch of an open load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stage {
    /// How long.
    #[serde(rename = "for")]
    pub lasts: Span,
    /// How many per second.
    pub rate: Rate,
}
