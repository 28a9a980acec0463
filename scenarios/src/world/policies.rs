//! From policies by name to the settings of a gateway.

use crate::format::{self, BalancerKind, Policy, Scenario};
use std::{collections::BTreeMap, time::Duration};
use windtunnel_models::gateway::config::{
    Balance, Breaker, FailureRate, Limit, Outliers, Rate, Retry, RetryBudget, Upstream,
};

/// The names of the policies of one call or route.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'n> {
    pub retry: Option<&'n str>,
    pub breaker: Option<&'n str>,
    pub balancer: Option<&'n str>,
}

/// The replicas of a service as an upstream.
pub fn upstream(
    scenario: &Scenario,
    service: &str,
    names: Names<'_>,
    addresses: &BTreeMap<String, Vec<String>>,
) -> Upstream {
    let policy = |name: Option<&str>| name.and_then(|name| scenario.policies.get(name));
    let (balance, outliers) = match policy(names.balancer) {
        Some(Policy::Balancer(balancer)) => (
            balance(balancer.kind),
            balancer.outliers.as_ref().map(left_out),
        ),
        _ => (Balance::default(), None),
    };
    let breaker = match policy(names.breaker) {
        Some(Policy::Breaker(breaker)) => Some(Breaker {
            consecutive_failures: breaker.consecutive_failures,
            failure_rate: breaker.failure_rate.map(|rate| FailureRate {
                ratio: rate.ratio,
                min_calls: rate.min_calls,
            }),
            interval: breaker.failure_rate.map(|rate| rate.window.into()),
            open_for: breaker.open_for.into(),
            trials: breaker.trials,
            trial_timeout: breaker.trial_timeout.into(),
            ..Breaker::default()
        }),
        _ => None,
    };
    let ratio = match policy(names.retry) {
        Some(Policy::Retry(retry)) => retry.budget,
        _ => None,
    };
    let retry_budget = ratio.map(|ratio| RetryBudget {
        ratio,
        ..RetryBudget::default()
    });
    let endpoints = addresses.get(service).cloned().unwrap_or_default();
    Upstream {
        balance,
        outliers,
        breaker,
        retry_budget,
        ..Upstream::of(endpoints)
    }
}

fn balance(kind: BalancerKind) -> Balance {
    match kind {
        BalancerKind::RoundRobin => Balance::RoundRobin,
        BalancerKind::PowerOfTwoChoices => Balance::PowerOfTwo,
        BalancerKind::SmoothWeighted => Balance::SmoothWeighted(Default::default()),
        BalancerKind::EarliestDeadline => Balance::EarliestDeadline(Default::default()),
        BalancerKind::LeastRequest => Balance::LeastRequest(Default::default()),
        BalancerKind::PeakEwma => Balance::PeakEwma(Default::default()),
        BalancerKind::PowerOfTwoEwma => Balance::PowerOfTwoEwma(Default::default()),
    }
}

fn left_out(outliers: &format::Outliers) -> Outliers {
    Outliers {
        consecutive_errors: outliers.consecutive_errors,
        deviations: outliers.deviations,
        failure_percentage: outliers.failure_percentage,
        minimum_endpoints: outliers.minimum_replicas,
        minimum_requests: outliers.minimum_requests,
        interval: outliers.interval.into(),
        base_ejection: outliers.base_ejection.into(),
        max_ejection: Duration::from(outliers.base_ejection).saturating_mul(10),
        max_ejection_percent: outliers.max_ejection_percent,
        ..Outliers::default()
    }
}

/// A retry policy by name.
pub fn retry(scenario: &Scenario, name: Option<&str>) -> Option<Retry> {
    let Some(Policy::Retry(retry)) = name.and_then(|name| scenario.policies.get(name)) else {
        return None;
    };
    Some(Retry {
        attempts: retry.attempts,
        base: Duration::from(retry.base) / 2,
        cap: retry.cap.into(),
        per_try_timeout: retry.per_try_timeout.map(Into::into),
        ..Retry::default()
    })
}

/// A limit by name.
pub fn limit(scenario: &Scenario, name: Option<&str>) -> Option<Limit> {
    let Some(Policy::RateLimit(limit)) = name.and_then(|name| scenario.policies.get(name)) else {
        return None;
    };
    let per_second = limit.rate.as_per_second();
    // A gateway's rate is whole cells per period: a thousand seconds keep three decimals.
    let cells = (per_second * 1000.0).round().max(1.0) as u32;
    let rate = Rate {
        requests: cells,
        period: Duration::from_secs(1000),
    };
    Some(Limit {
        rate,
        burst: limit.burst,
        max_clients: 100_000,
    })
}
