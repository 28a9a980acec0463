//! Validation: zero, contradictory and dangling settings are found before a request meets them.

mod action;
mod filter;
mod route;
mod tls;
mod transcode;

use std::collections::BTreeSet;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::{Breaker, Config, Endpoint, Identity, InvalidConfig, Limit, Problem, Upstream};
use crate::limit::Gcra;
use crate::trace::Sampler;

/// Far beyond any sensible patience, far below what overflows an instant.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Config {
    /// Checks everything.
    ///
    /// # Errors
    ///
    /// All problems at once, each with the path of its field.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let mut found = Findings::default();
        self.check_self(&mut found);
        self.check_keys(&mut found);
        for (name, upstream) in &self.upstreams {
            check_upstream(&format!("upstreams.{name}"), upstream, &mut found);
        }
        filter::check(self, &mut found);
        let mut names = BTreeSet::new();
        for (position, route) in self.routes.iter().enumerate() {
            let field = format!("routes[{position}]");
            if !names.insert(&route.name) {
                found.add(format!("{field}.name"), "is used by an earlier route");
            }
            route::check(self, &field, route, &mut found);
        }
        found.verdict()
    }

    fn check_self(&self, found: &mut Findings) {
        let token = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if self.name.is_empty() || !self.name.chars().all(token) {
            found.add("name", "must be letters, digits, `-`, `.`, `_` or `~`");
        }
        for (position, name) in self.internal_headers.iter().enumerate() {
            found.header(format!("internal-headers[{position}]"), name);
        }
        if let Identity::Header(name) = &self.identity {
            found.header("identity.header", name);
            if self.trusted_hops == 0 {
                found.add(
                    "identity.header",
                    "needs `trusted-hops` of at least 1: anybody can send it",
                );
            }
            if self
                .internal_headers
                .iter()
                .any(|internal| internal.eq_ignore_ascii_case(name))
            {
                found.add(
                    "identity.header",
                    "is an internal header, which is removed on arrival",
                );
            }
        }
        if let Err(error) = Sampler::of(self.trace_share) {
            found.add("trace-share", format!("{error}, or 0 for none"));
        }
        if let Some(limit) = &self.limit {
            check_limit("limit", limit, found);
        }
        found.lasting("deadline", self.deadline);
        found.lasting("pool.connect-timeout", self.pool.connect_timeout);
        found.lasting("pool.idle-timeout", self.pool.idle_timeout);
        if self.routes.is_empty() {
            found.add("routes", "is empty");
        }
    }

    fn check_keys(&self, found: &mut Findings) {
        found.header("key-header", &self.key_header);
        for (name, set) in &self.keys {
            if set.is_empty() {
                found.add(format!("keys.{name}"), "is empty: nobody could enter");
            }
            let mut seen = BTreeSet::new();
            for (client, key) in set {
                let field = format!("keys.{name}.{client}");
                if key.is_empty() || HeaderValue::from_str(key).is_err() {
                    found.add(&field, "must be visible characters");
                }
                if !seen.insert(key) {
                    found.add(field, "is the key of another client");
                }
            }
        }
    }
}

fn check_upstream(field: &str, upstream: &Upstream, found: &mut Findings) {
    if let Some(tls) = &upstream.tls {
        tls::check(found, field, tls);
    }
    if let Err(problem) = check_endpoints(&upstream.endpoints) {
        found.add(format!("{field}.endpoints"), problem);
    }
    check_balance(field, upstream, found);
    if let Some(breaker) = &upstream.breaker {
        check_breaker(&format!("{field}.breaker"), breaker, found);
    }
    let Some(budget) = &upstream.retry_budget else {
        return;
    };
    let field = format!("{field}.retry-budget");
    if !(budget.ratio.is_finite() && (0.0..=1.0).contains(&budget.ratio)) {
        found.add(format!("{field}.ratio"), "must be between 0 and 1");
    }
    if budget.ttl < Duration::from_millis(10) || budget.ttl > LONGEST {
        found.add(format!("{field}.ttl"), "must be between 10ms and a day");
    }
}

fn check_balance(field: &str, upstream: &Upstream, found: &mut Findings) {
    if let Err(invalid) = upstream.balance.policy() {
        found.add(format!("{field}.balance"), invalid.to_string());
    }
    match &upstream.hash {
        None if upstream.balance.is_keyed() => found.add(
            format!("{field}.balance"),
            "needs `hash`, which says what requests have in common",
        ),
        Some(_) if !upstream.balance.is_keyed() => found.add(
            format!("{field}.hash"),
            "does nothing: the balancer keeps no requests together",
        ),
        Some(stick) => action::check_stick(&format!("{field}.hash"), stick, found),
        None => {}
    }
    if let Err(invalid) = upstream.cluster.policy().validate() {
        found.add(format!("{field}.cluster"), invalid.to_string());
    }
    if let Some(Err(invalid)) = upstream.outliers.as_ref().map(|o| o.policy().validate()) {
        found.add(format!("{field}.outliers"), invalid.to_string());
    }
    if upstream
        .endpoints
        .iter()
        .all(|endpoint| endpoint.weight == 0)
    {
        found.add(
            format!("{field}.endpoints"),
            "has no endpoint with a weight",
        );
    }
}

fn check_breaker(field: &str, breaker: &Breaker, found: &mut Findings) {
    let before = found.0.len();
    let failures = breaker.consecutive_failures.into();
    found.positive(format!("{field}.consecutive-failures"), failures);
    found.positive(format!("{field}.trials"), breaker.trials.into());
    found.lasting(format!("{field}.open-for"), breaker.open_for);
    found.lasting(format!("{field}.trial-timeout"), breaker.trial_timeout);
    if breaker.bucket.is_some() && breaker.interval.is_none() {
        found.add(format!("{field}.bucket"), "needs an `interval`");
    }
    if found.0.len() == before
        && let Err(invalid) = breaker.policy().validate()
    {
        found.add(field, invalid.to_string());
    }
}

/// Endpoints have a name and a port, and are different.
pub(in crate::gateway) fn check_endpoints(endpoints: &[Endpoint]) -> Result<(), String> {
    if endpoints.is_empty() {
        return Err("is empty".to_owned());
    }
    let mut seen = BTreeSet::new();
    for Endpoint { address, .. } in endpoints {
        let authority = address.parse::<http::uri::Authority>().ok();
        let port = authority
            .filter(|a| !a.as_str().contains('@'))
            .and_then(|a| a.port_u16());
        if port.is_none_or(|port| port == 0) {
            return Err(format!("has `{address}`, which is not `name:port`"));
        }
        if !seen.insert(address) {
            return Err(format!("has `{address}` twice"));
        }
    }
    Ok(())
}

fn check_limit(field: &str, limit: &Limit, found: &mut Findings) {
    found.positive(format!("{field}.rate"), limit.rate.requests.into());
    found.lasting(format!("{field}.rate"), limit.rate.period);
    found.positive(format!("{field}.burst"), limit.burst.into());
    found.positive(format!("{field}.max-clients"), limit.max_clients as u64);
    let sound = limit.rate.requests > 0 && !limit.rate.period.is_zero() && limit.burst > 0;
    if sound && let Err(invalid) = Gcra::new(&limit.quota()) {
        found.add(field, invalid.to_string());
    }
}

#[derive(Default)]
struct Findings(Vec<Problem>);

impl Findings {
    fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Problem {
            field: field.into(),
            problem: problem.into(),
        });
    }

    fn positive(&mut self, field: impl Into<String>, value: u64) {
        if value == 0 {
            self.add(field, "must be at least 1");
        }
    }

    fn lasting(&mut self, field: impl Into<String>, value: Duration) {
        if value.is_zero() {
            self.add(field, "must be longer than zero");
        } else if value > LONGEST {
            self.add(field, "must not be longer than a day");
        }
    }

    fn header(&mut self, field: impl Into<String>, name: &str) {
        if HeaderName::try_from(name).is_err() {
            self.add(field, format!("is `{name}`, which is no header name"));
        }
    }

    fn verdict(self) -> Result<(), InvalidConfig> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(InvalidConfig { problems: self.0 })
        }
    }
}

#[cfg(test)]
mod tests;
