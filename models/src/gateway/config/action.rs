//! What becomes of a request, as a file says it.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity;

/// Several upstreams that share the requests of a route by weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Split {
    /// The upstreams.
    pub to: Vec<Share>,
    /// What keeps a client with its upstream; absent: nothing does, every request is dealt out anew.
    #[serde(default)]
    pub sticky: Option<Stick>,
}

/// One upstream of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Share {
    /// Its name.
    pub upstream: String,
    /// Its share, relative to the sum of all; 0 gets nothing. If all are 0, requests are answered with
    /// 500.
    pub weight: u32,
}

/// What requests have in common that stay together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stick {
    /// The client, as the limiters know it.
    Client,
    /// The value of this header.
    Header(String),
    /// The value of this cookie.
    Cookie(String),
}

/// The client is told to ask elsewhere. What is absent stays as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Redirect {
    /// `http` or `https`. With it the port is that scheme's, unless `port` says otherwise.
    pub scheme: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// The path; the query stays.
    pub path: Option<PathRewrite>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

impl Default for Redirect {
    fn default() -> Self {
        Self {
            scheme: None,
            host: None,
            port: None,
            path: None,
            status: 302,
        }
    }
}

/// The gateway answers itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Respond {
    /// The status.
    pub status: u16,
    /// The body.
    #[serde(default)]
    pub body: String,
    /// Headers, `content-type` for instance.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Another path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PathRewrite {
    /// Instead of the whole path.
    Full(String),
    /// Instead of the prefix that the route matched.
    Prefix(String),
}

/// What the endpoint is asked for instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rewrite {
    /// The `Host` header. What the client asked for stays in `X-Forwarded-Host`.
    pub host: Option<String>,
    /// The path; the query stays.
    pub path: Option<PathRewrite>,
}

/// Changes to headers: first what is removed, then what is set, then what is added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HeaderChanges {
    /// Every occurrence goes.
    pub remove: Vec<String>,
    /// In place of every occurrence.
    pub set: BTreeMap<String, String>,
    /// Besides what is there.
    pub add: BTreeMap<String, String>,
}

/// A copy of requests for an upstream whose answers nobody sees. Only requests whose body the gateway
/// holds whole are copied (see `replay-buffer`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mirror {
    /// The upstream.
    pub upstream: String,
    /// Which fraction of the requests is copied, from 0 to 1.
    #[serde(default = "all")]
    pub share: f64,
    /// Copies under way at once; beyond that requests are not copied.
    #[serde(default = "some")]
    pub max_in_flight: usize,
    /// How long a copy may take.
    #[serde(default = "patience", with = "quantity::duration")]
    pub deadline: Duration,
    /// Whether requests that change something (POST and the like) are copied as well. Only for an
    /// upstream whose changes reach nothing real.
    #[serde(default)]
    pub unsafe_methods: bool,
}

const fn all() -> f64 {
    1.0
}

const fn some() -> usize {
    100
}

const fn patience() -> Duration {
    Duration::from_secs(5)
}
