//! Policies: named settings of breakers, retries, balancers and limits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windtunnel_record::{Rate, Span};

/// A policy of one kind: a table with one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Policy {
    /// When to stop asking an endpoint.
    Breaker(Breaker),
    /// When to ask again.
    Retry(Retry),
    /// Whom to ask.
    Balancer(Balancer),
    /// How often a client may ask.
    RateLimit(RateLimit),
}

impl Policy {
    /// The kind, as the key names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Breaker(_) => "breaker",
            Self::Retry(_) => "retry",
            Self::Balancer(_) => "balancer",
            Self::RateLimit(_) => "rate-limit",
        }
    }
}

/// A breaker for each endpoint (semantics of gobreaker v2, with a deadline for trials).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Breaker {
    /// So many failures in a row open it, unless `failure-rate` is set.
    pub consecutive_failures: u32,
    /// Such a share of failures opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate: Option<FailureRate>,
    /// How long it stays open.
    pub open_for: Span,
    /// How many trials have to succeed.
    pub trials: u32,
    /// How long a trial may take.
    pub trial_timeout: Span,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            consecutive_failures: 6,
            failure_rate: None,
            open_for: Span::from_secs(5),
            trials: 1,
            trial_timeout: Span::from_secs(10),
        }
    }
}

/// A share of failures among enough calls in a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FailureRate {
    /// The share, from above 0 to 1.
    pub ratio: f64,
    /// Fewer calls decide nothing.
    pub min_calls: u32,
    /// Over what calls are counted.
    pub window: Span,
}

/// When a request is sent again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// The bound of the first pause; it doubles, and a pause is drawn from zero to it.
    pub base: Span,
    /// The largest bound.
    pub cap: Span,
    /// How long one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<Span>,
    /// Retries per request, as a fraction from 0 to 1; without a budget when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Span::from_millis(25),
            cap: Span::from_millis(250),
            per_try_timeout: None,
            budget: None,
        }
    }
}

/// Whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Balancer {
    /// The algorithm.
    pub kind: BalancerKind,
    /// Whether replicas that do worse than the others are left out for a while; nobody when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outliers: Option<Outliers>,
}

/// Replicas that do worse than the others are left out for a while (Envoy's outlier detection).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Outliers {
    /// So many failures in a row; 0 for never.
    pub consecutive_errors: u32,
    /// A success rate below the mean by so many standard deviations; 0 for never.
    pub deviations: f64,
    /// So many percent of failures; 0 for never.
    pub failure_percentage: u32,
    /// How many replicas need enough requests before rates are judged.
    pub minimum_replicas: u32,
    /// How many requests of one interval are enough.
    pub minimum_requests: u64,
    /// How often rates are judged and replicas may return.
    pub interval: Span,
    /// How long the first absence lasts; the k-th one lasts k times as long.
    pub base_ejection: Span,
    /// The largest part that may be left out, in percent.
    pub max_ejection_percent: u32,
}

impl Default for Outliers {
    fn default() -> Self {
        Self {
            consecutive_errors: 5,
            deviations: 1.9,
            failure_percentage: 0,
            minimum_replicas: 5,
            minimum_requests: 100,
            interval: Span::from_secs(10),
            base_ejection: Span::from_secs(30),
            max_ejection_percent: 10,
        }
    }
}

/// How an endpoint is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BalancerKind {
    /// One after the other.
    RoundRobin,
    /// Two at random, the one with fewer requests in flight.
    #[default]
    PowerOfTwoChoices,
    /// In turns; replicas that fail come less often for a while (nginx).
    SmoothWeighted,
    /// In turns, on a schedule that begins at random.
    EarliestDeadline,
    /// As Envoy: of two draws, which may be the same, the one with fewer requests in flight.
    LeastRequest,
    /// As linkerd: of two the one that is expected to answer first.
    PeakEwma,
    /// As go-zero: of two the one with the lower lag and load.
    PowerOfTwoEwma,
}

/// How often a client may ask (GCRA).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RateLimit {
    /// The sustained rate.
    pub rate: Rate,
    /// How many may come at once.
    #[serde(default = "one")]
    pub burst: u32,
}

fn one() -> u32 {
    1
}
