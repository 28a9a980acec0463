//! What a gateway is told: plain data, readable from TOML or JSON, validated when a gateway is built.
//!
//! Keys are kebab-case, unknown keys are errors, durations are strings with units (`"800ms"`), rates are
//! requests per time (`"50/s"`).

mod action;
mod balance;
mod error;
mod filter;
mod outliers;
mod policies;
pub mod quantity;
mod route;
mod secret;
mod tls;
mod transcode;
mod upstream;
mod validate;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use action::{
    HeaderChanges, Mirror, PathRewrite, Redirect, Respond, Rewrite, Share, Split, Stick,
};
pub use balance::{Balance, ClusterSettings, Endpoint, ZoneSettings};
pub use error::{InvalidConfig, Problem};
pub use filter::{Filter, OnFailure};
pub use outliers::Outliers;
pub use quantity::Rate;
pub use route::{Action, DeadlineCovers, Match, PathMatch, Retry, Route, Upgrade};
pub use tls::UpstreamTls;
pub use transcode::Transcode;
pub use upstream::{Breaker, FailureRate, Protocol, RetryBudget, Upstream};
pub(super) use validate::check_endpoints;

use super::EncodedSlashes;

/// A whole gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The name this gateway appends to `Via`.
    pub name: String,
    /// How many proxies in front of this one are ours: the client's address is the entry this far from
    /// the right of `X-Forwarded-For`; 0 believes nobody and takes the connection's own address.
    pub trusted_hops: usize,
    /// Whether to append to the standard `Forwarded` header as well.
    pub forwarded: bool,
    /// Which share of the traces that begin here is recorded, 0 to 1: it is what the sampled flag of
    /// `traceparent` says. A trace that came in keeps the flag of whoever began it.
    pub trace_share: f64,
    /// What to do with an encoded slash in a path.
    pub encoded_slashes: EncodedSlashes,
    /// Headers that only this side may set (identity, limit keys): removed from every request that
    /// arrives, before anything looks at them.
    pub internal_headers: Vec<String>,
    /// Who a client is, to the limiters.
    pub identity: Identity,
    /// A limit per client over all routes, asked first.
    pub limit: Option<Limit>,
    /// How long a request may take, where its route does not say; the caller's own deadline counts if
    /// it is earlier.
    #[serde(with = "quantity::duration")]
    pub deadline: Duration,
    /// The largest request body, in bytes; larger ones are answered with 413.
    pub max_body: u64,
    /// The largest request body that is kept for a repetition, in bytes; larger ones are sent once.
    pub replay_buffer: usize,
    /// Connections to the upstreams.
    pub pool: Pool,
    /// Sets of API keys by name: client name to key. Written without the keys themselves.
    #[serde(serialize_with = "secret::keys")]
    pub keys: BTreeMap<String, BTreeMap<String, String>>,
    /// The header that carries an API key; never forwarded.
    pub key_header: String,
    /// Filters by name; a list says where each is used.
    pub filters: BTreeMap<String, Filter>,
    /// The filters of every route that forwards, in their order.
    pub common_filters: Vec<String>,
    /// Where requests go, by name.
    pub upstreams: BTreeMap<String, Upstream>,
    /// Which request goes where.
    pub routes: Vec<Route>,
    /// Mistakes on purpose, for tests of the tests; no file can ask for them.
    #[serde(skip)]
    pub planted: Planted,
}

/// One-line mistakes that people make with gateways; all off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// A breaker does not learn of a call that was given up.
    pub permit_lost_on_cancel: bool,
    /// A call that was given up stays in flight for ever.
    pub load_lost_on_cancel: bool,
    /// The endpoint is not told until when its answer is of use.
    pub deadline_not_propagated: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "windtunnel".to_owned(),
            trusted_hops: 0,
            forwarded: false,
            trace_share: 1.0,
            encoded_slashes: EncodedSlashes::default(),
            internal_headers: Vec::new(),
            identity: Identity::default(),
            limit: None,
            deadline: Duration::from_secs(15),
            max_body: 10 * 1024 * 1024,
            replay_buffer: 64 * 1024,
            pool: Pool::default(),
            keys: BTreeMap::new(),
            key_header: "x-api-key".to_owned(),
            filters: BTreeMap::new(),
            common_filters: Vec::new(),
            upstreams: BTreeMap::new(),
            routes: Vec::new(),
            planted: Planted::default(),
        }
    }
}

/// Who a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Its address, without port, by the law of trusted hops.
    #[default]
    Address,
    /// What a trusted proxy in front says in this header (needs `trusted-hops`); its address if
    /// the header is missing.
    Header(String),
    /// The name its API key belongs to; its address on routes without keys.
    ApiKey,
}

/// A limit per client (GCRA).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limit {
    /// The sustained rate.
    pub rate: Rate,
    /// How many requests may come at once.
    #[serde(default = "one")]
    pub burst: u32,
    /// How many clients are remembered; when the table is full of active clients, new ones are refused.
    #[serde(default = "many")]
    pub max_clients: usize,
}

const fn one() -> u32 {
    1
}

const fn many() -> usize {
    100_000
}

/// Connections to the upstreams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Pool {
    /// How long a connection may take to be established.
    #[serde(with = "quantity::duration")]
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    #[serde(with = "quantity::duration")]
    pub idle_timeout: Duration,
    /// Unused connections kept per endpoint.
    pub max_idle: usize,
}

impl Default for Pool {
    fn default() -> Self {
        let client = crate::http::ClientPolicy::default();
        Self {
            connect_timeout: client.connect_timeout,
            idle_timeout: client.idle_timeout,
            max_idle: client.max_idle_per_host,
        }
    }
}
