//! Where requests go: endpoints, how one is picked, and what protects them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Balance, ClusterSettings, Endpoint, Outliers, Stick, UpstreamTls, quantity};

/// A set of equal endpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Upstream {
    /// Where they listen: `name:port`, or a table if there is more to say.
    pub endpoints: Vec<Endpoint>,
    /// What is spoken with them.
    #[serde(default)]
    pub protocol: Protocol,
    /// How connections to them are secured; absent: they are plain.
    #[serde(default)]
    pub tls: Option<UpstreamTls>,
    /// How one is picked.
    #[serde(default)]
    pub balance: Balance,
    /// What calls of one key have in common, for the balancers that keep them together; a request
    /// without it goes anywhere.
    #[serde(default)]
    pub hash: Option<Stick>,
    /// Endpoints of several priorities and zones.
    #[serde(default)]
    pub cluster: ClusterSettings,
    /// Whether, and how, endpoints that do worse than the others are left out for a while.
    #[serde(default)]
    pub outliers: Option<Outliers>,
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

impl Upstream {
    /// An upstream of these endpoints with its defaults.
    pub fn of<E: Into<Endpoint>>(endpoints: impl IntoIterator<Item = E>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            protocol: Protocol::default(),
            tls: None,
            balance: Balance::default(),
            hash: None,
            cluster: ClusterSettings::default(),
            outliers: None,
            breaker: None,
            retry_budget: some_budget(),
        }
    }

    /// Whether it has priorities or zones.
    pub(in crate::gateway) fn is_clustered(&self) -> bool {
        let mut endpoints = self.endpoints.iter();
        self.cluster.zones.is_some() || endpoints.any(|endpoint| endpoint.priority > 0)
    }
}

/// What is spoken with endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// The breaker of one endpoint (semantics of gobreaker v2, with a deadline for trials).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
