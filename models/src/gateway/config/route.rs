//! Routes: which requests, and what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HeaderChanges, Limit, Mirror, Redirect, Respond, Rewrite, Split, Transcode, quantity};

/// Which requests it is about, and what becomes of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The upstream it goes to. A route has one of `upstream`, `split`, `redirect` and `respond`.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Several upstreams, each for a share of the requests.
    #[serde(default)]
    pub split: Option<Split>,
    /// Sends the client elsewhere.
    #[serde(default)]
    pub redirect: Option<Redirect>,
    /// Answers itself.
    #[serde(default)]
    pub respond: Option<Respond>,
    /// Upstreams that get a copy of requests, and whose answers nobody sees.
    #[serde(default)]
    pub mirror: Vec<Mirror>,
    /// Another host or path for the way on.
    #[serde(default)]
    pub rewrite: Option<Rewrite>,
    /// Changes to the headers of requests on their way on.
    #[serde(default)]
    pub request_headers: HeaderChanges,
    /// Changes to the headers of answers from upstreams.
    #[serde(default)]
    pub response_headers: HeaderChanges,
    /// Filters of this route, after those of every route, in their order.
    #[serde(default)]
    pub filters: Vec<String>,
    /// Speaks gRPC with the upstream and JSON with clients.
    #[serde(default)]
    pub transcode: Option<Transcode>,
    /// How long a request may take.
    #[serde(default, with = "quantity::optional")]
    pub deadline: Option<Duration>,
    /// Whether the deadline ends with the response's head (for streams without end) or its last byte.
    #[serde(default)]
    pub deadline_covers: DeadlineCovers,
    /// Other protocols that a connection may change to; absent: none.
    #[serde(default)]
    pub upgrade: Option<Upgrade>,
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

impl Route {
    /// A route of this name with its defaults, to one upstream.
    pub fn to(name: impl Into<String>, upstream: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            upstream: Some(upstream.into()),
            ..Self::default()
        }
    }

    /// What becomes of its requests; none if it says nothing, or more than one thing.
    pub fn action(&self) -> Option<Action<'_>> {
        let mut said = [
            self.upstream.as_deref().map(Action::Upstream),
            self.split.as_ref().map(Action::Split),
            self.redirect.as_ref().map(Action::Redirect),
            self.respond.as_ref().map(Action::Respond),
        ]
        .into_iter()
        .flatten();
        let action = said.next();
        action.filter(|_| said.next().is_none())
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// It goes to this upstream.
    Upstream(&'a str),
    /// It goes to one of several.
    Split(&'a Split),
    /// The client is sent elsewhere.
    Redirect(&'a Redirect),
    /// The gateway answers.
    Respond(&'a Respond),
}

/// Which protocols a connection may change to (RFC 9110, section 7.8). Deadlines end with the answer's
/// head then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Upgrade {
    /// Their names, `websocket` for instance; compared without case.
    pub protocols: Vec<String>,
    /// How long nothing may come from either side before the connection is closed.
    #[serde(default = "an_hour", with = "quantity::duration")]
    pub idle_timeout: Duration,
}

const fn an_hour() -> Duration {
    Duration::from_secs(60 * 60)
}

/// What the deadline bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeadlineCovers {
    /// Everything up to the response's last byte.
    #[default]
    Body,
    /// Everything up to the response's head.
    Head,
}

/// One alternative of a route; what is absent fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Match {
    /// The path.
    pub path: Option<PathMatch>,
    /// The method, in upper case.
    pub method: Option<String>,
    /// Headers that must be there, with exactly these values.
    pub headers: BTreeMap<String, String>,
    /// Headers that must be there, with a value that fits this regular expression as a whole.
    pub header_patterns: BTreeMap<String, String>,
    /// Query parameters that must be there, with exactly these decoded values.
    pub query: BTreeMap<String, String>,
    /// Query parameters that must be there, with a decoded value that fits this regular expression as a
    /// whole.
    pub query_patterns: BTreeMap<String, String>,
}

/// How the path is compared, in its normal form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// Whole segments at the front: `/v2` fits `/v2` and `/v2/a`, not `/v2a`.
    Prefix(String),
    /// A regular expression that the whole path has to fit.
    Regex(String),
}

/// When and how often a request is repeated. Only idempotent requests are (by method, or because they
/// carry an `Idempotency-Key`), unless no byte of the request was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
