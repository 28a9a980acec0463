//! What a gateway is told: plain data, readable from TOML or JSON, validated when a gateway is built.
//!
//! Keys are kebab-case, unknown keys are errors, durations are strings with units (`"800ms"`), rates are
//! requests per time (`"50/s"`).

mod error;
mod policies;
pub mod quantity;
mod validate;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

pub use error::{InvalidConfig, Problem};
pub use quantity::Rate;
pub(super) use validate::check_endpoints;

use super::EncodedSlashes;

/// A whole gateway.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The name this gateway appends to `Via`.
    pub name: String,
    /// How many proxies in front of this one are ours: the client's address is the entry this far from
    /// the right of `X-Forwarded-For`; 0 believes nobody and takes the connection's own address.
    pub trusted_hops: usize,
    /// Whether to append to the standard `Forwarded` header as well.
    pub forwarded: bool,
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
    /// Sets of API keys by name: client name to key.
    pub keys: BTreeMap<String, BTreeMap<String, String>>,
    /// The header that carries an API key; never forwarded.
    pub key_header: String,
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
            upstreams: BTreeMap::new(),
            routes: Vec::new(),
            planted: Planted::default(),
        }
    }
}

/// Who a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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

/// A set of equal endpoints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Upstream {
    /// Where they listen, as `name:port`.
    pub endpoints: Vec<String>,
    /// How one is picked.
    #[serde(default)]
    pub balance: Balance,
    /// The breaker of every single endpoint; absent: none.
    #[serde(default)]
    pub breaker: Option<Breaker>,
    /// What retries of all routes to this upstream may cost together; none: as much as they want,
    /// which is how retry storms begin. A file that does not say has the default budget.
    #[serde(default = "some_budget")]
    pub retry_budget: Option<RetryBudget>,
}

fn some_budget() -> Option<RetryBudget> {
    Some(RetryBudget::default())
}

/// How an endpoint is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// One after the other.
    RoundRobin,
    /// Two at random, the one with fewer requests in flight.
    #[default]
    PowerOfTwo,
}

/// The breaker of one endpoint (semantics of gobreaker v2, with a deadline for trials).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Breaker {
    /// So many failures in a row open it; asked only without `failure-rate`.
    pub consecutive_failures: u32,
    /// Such a share of failures opens it.
    pub failure_rate: Option<FailureRate>,
    /// Over what calls are counted while it is closed; absent: since it closed.
    #[serde(with = "quantity::optional")]
    pub interval: Option<Duration>,
    /// The step in which the interval moves on; absent: the counts begin anew at its end.
    #[serde(with = "quantity::optional")]
    pub bucket: Option<Duration>,
    /// How long it stays open before it lets trials through.
    #[serde(with = "quantity::duration")]
    pub open_for: Duration,
    /// By what the open time grows every time trials fail; 1 is not at all.
    pub growth: f64,
    /// The longest open time; absent: ten times the first.
    #[serde(with = "quantity::optional")]
    pub max_open_for: Option<Duration>,
    /// Up to such a fraction of the open time is added by chance, so that gateways part.
    pub jitter: f64,
    /// How many trials have to succeed; also how many run at once.
    pub trials: u32,
    /// How long a trial may take before it counts as failed.
    #[serde(with = "quantity::duration")]
    pub trial_timeout: Duration,
}

/// A share of failures among enough calls.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FailureRate {
    /// The share, from above 0 to 1.
    pub ratio: f64,
    /// Fewer calls decide nothing.
    pub min_calls: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            consecutive_failures: 6,
            failure_rate: None,
            interval: None,
            bucket: None,
            open_for: Duration::from_secs(5),
            growth: 1.0,
            max_open_for: None,
            jitter: 0.1,
            trials: 1,
            trial_timeout: Duration::from_secs(10),
        }
    }
}

/// What retries may cost together (token budget of tower and Finagle).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RetryBudget {
    /// Retries allowed per request, as a fraction; 0.2 allows one retry for five requests.
    pub ratio: f64,
    /// Retries allowed per second, however few requests there are.
    pub reserve_per_second: u32,
    /// How long a request's deposit counts.
    #[serde(with = "quantity::duration")]
    pub ttl: Duration,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            ratio: 0.2,
            reserve_per_second: 10,
            ttl: Duration::from_secs(10),
        }
    }
}

/// Which requests go to an upstream, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Route {
    /// Its name, in access events.
    pub name: String,
    /// Hosts, exact or with `*.` in front; none: every host that no other route names.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Alternatives, one of which has to fit; none: every path.
    #[serde(default)]
    pub matches: Vec<Match>,
    /// When it was made, in any unit that grows; the older of two equal routes wins.
    #[serde(default)]
    pub created: Option<u64>,
    /// The upstream it goes to.
    pub upstream: String,
    /// How long a request may take.
    #[serde(default, with = "quantity::optional")]
    pub deadline: Option<Duration>,
    /// Whether the deadline ends with the response's head (for streams without end) or its last byte.
    #[serde(default)]
    pub deadline_covers: DeadlineCovers,
    /// A limit per client on this route.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// The set of API keys that opens it; absent: open to everybody.
    #[serde(default)]
    pub keys: Option<String>,
    /// Retries; absent: every request is sent once.
    #[serde(default)]
    pub retry: Option<Retry>,
}

/// What the deadline bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeadlineCovers {
    /// Everything up to the response's last byte.
    #[default]
    Body,
    /// Everything up to the response's head.
    Head,
}

/// One alternative of a route; what is absent fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Match {
    /// The path.
    pub path: Option<PathMatch>,
    /// The method, in upper case.
    pub method: Option<String>,
    /// Headers that must be there, with exactly these values.
    pub headers: BTreeMap<String, String>,
    /// Query parameters that must be there, with exactly these decoded values.
    pub query: BTreeMap<String, String>,
}

/// How the path is compared, in its normal form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// Whole segments at the front: `/v2` fits `/v2` and `/v2/a`, not `/v2a`.
    Prefix(String),
}

/// When and how often a request is repeated. Only idempotent requests are (by method, or because they
/// carry an `Idempotency-Key`), unless no byte of the request was sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Half of the first pause's bound, which doubles with every further one. A pause is drawn from
    /// zero to its bound.
    #[serde(with = "quantity::duration")]
    pub base: Duration,
    /// The largest bound.
    #[serde(with = "quantity::duration")]
    pub cap: Duration,
    /// How long one attempt may take until its response's head; absent: as long as the request.
    #[serde(with = "quantity::optional")]
    pub per_try_timeout: Option<Duration>,
    /// Statuses that are worth another attempt.
    pub statuses: Vec<u16>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 2,
            base: Duration::from_millis(25),
            cap: Duration::from_millis(250),
            per_try_timeout: None,
            statuses: vec![502, 503, 504],
        }
    }
}
