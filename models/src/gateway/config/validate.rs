//! Validation: zero, contradictory and dangling settings are found before a request meets them.

use std::collections::BTreeSet;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use super::super::path::normalise;
use super::{
    Breaker, Config, Identity, InvalidConfig, Limit, PathMatch, Problem, Retry, Route, Upstream,
};
use crate::gateway::EncodedSlashes;
use crate::limit::Gcra;

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
        let mut names = BTreeSet::new();
        for (position, route) in self.routes.iter().enumerate() {
            let field = format!("routes[{position}]");
            if !names.insert(&route.name) {
                found.add(format!("{field}.name"), "is used by an earlier route");
            }
            self.check_route(&field, route, &mut found);
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

    fn check_route(&self, field: &str, route: &Route, found: &mut Findings) {
        if !self.upstreams.contains_key(&route.upstream) {
            let known: Vec<_> = self.upstreams.keys().map(String::as_str).collect();
            let problem = format!("names no upstream (known: {})", known.join(", "));
            found.add(format!("{field}.upstream"), problem);
        }
        if let Some(keys) = &route.keys
            && !self.keys.contains_key(keys)
        {
            found.add(format!("{field}.keys"), "names no set of keys");
        }
        for (position, host) in route.hosts.iter().enumerate() {
            check_host(format!("{field}.hosts[{position}]"), host, found);
        }
        check_matches(field, route, self.encoded_slashes, found);
        if let Some(deadline) = route.deadline {
            found.lasting(format!("{field}.deadline"), deadline);
        }
        if let Some(limit) = &route.limit {
            check_limit(&format!("{field}.limit"), limit, found);
        }
        if let Some(retry) = &route.retry {
            let deadline = route.deadline.unwrap_or(self.deadline);
            check_retry(&format!("{field}.retry"), retry, deadline, found);
        }
    }
}

fn check_upstream(field: &str, upstream: &Upstream, found: &mut Findings) {
    if let Err(problem) = check_endpoints(&upstream.endpoints) {
        found.add(format!("{field}.endpoints"), problem);
    }
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
pub(in crate::gateway) fn check_endpoints(endpoints: &[String]) -> Result<(), String> {
    if endpoints.is_empty() {
        return Err("is empty".to_owned());
    }
    let mut seen = BTreeSet::new();
    for endpoint in endpoints {
        let authority = endpoint.parse::<http::uri::Authority>().ok();
        let port = authority
            .filter(|a| !a.as_str().contains('@'))
            .and_then(|a| a.port_u16());
        if port.is_none_or(|port| port == 0) {
            return Err(format!("has `{endpoint}`, which is not `name:port`"));
        }
        if !seen.insert(endpoint) {
            return Err(format!("has `{endpoint}` twice"));
        }
    }
    Ok(())
}

fn check_host(field: String, host: &str, found: &mut Findings) {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    if name.is_empty() || !name.chars().all(legal) || name.ends_with('.') {
        found.add(field, "must be a host name, with at most one `*.` in front");
    } else if name.contains(':') && !name.starts_with('[') {
        found.add(field, "must not have a port");
    }
}

fn check_matches(field: &str, route: &Route, slashes: EncodedSlashes, found: &mut Findings) {
    for (position, matching) in route.matches.iter().enumerate() {
        let field = format!("{field}.matches[{position}]");
        if let Some(PathMatch::Exact(path) | PathMatch::Prefix(path)) = &matching.path {
            // A path that normalisation would change could never fit what is compared.
            match normalise(path, slashes) {
                Ok(normal) if normal == *path => {}
                Ok(normal) => {
                    found.add(
                        format!("{field}.path"),
                        format!("must be normalised: `{normal}`"),
                    );
                }
                Err(problem) => found.add(format!("{field}.path"), problem.to_string()),
            }
        }
        if let Some(method) = &matching.method {
            let known = Method::from_bytes(method.as_bytes()).is_ok();
            if !known || method.chars().any(|c| c.is_ascii_lowercase()) {
                found.add(format!("{field}.method"), "must be a method in upper case");
            }
        }
        for name in matching.headers.keys() {
            found.header(format!("{field}.headers.{name}"), name);
        }
    }
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

fn check_retry(field: &str, retry: &Retry, deadline: Duration, found: &mut Findings) {
    found.positive(format!("{field}.attempts"), retry.attempts.into());
    found.lasting(format!("{field}.base"), retry.base);
    if retry.cap < retry.base {
        found.add(format!("{field}.cap"), "must not be shorter than `base`");
    }
    if let Some(per_try) = retry.per_try_timeout {
        let field = format!("{field}.per-try-timeout");
        found.lasting(&field, per_try);
        if per_try
            .checked_mul(retry.attempts)
            .is_none_or(|all| all > deadline)
        {
            found.add(
                field,
                "times `attempts` is longer than the deadline: the last could not finish",
            );
        }
    }
    for status in &retry.statuses {
        if !(500..=599).contains(status) && *status != 429 {
            found.add(
                format!("{field}.statuses"),
                format!("has {status}, which is not 429 or 5xx"),
            );
        }
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
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Config {
        serde_json::from_value(value).unwrap()
    }

    fn fields(config: &Config) -> Vec<String> {
        let problems = config.validate().unwrap_err().problems;
        problems.into_iter().map(|problem| problem.field).collect()
    }

    fn smallest() -> serde_json::Value {
        json!({
            "upstreams": {"shop": {"endpoints": ["shop:80"]}},
            "routes": [{"name": "all", "upstream": "shop"}],
        })
    }

    #[test]
    fn the_smallest_configuration_is_valid() {
        assert_eq!(read(smallest()).validate(), Ok(()));
    }

    #[test]
    fn every_problem_is_found_at_once_and_named() {
        let config = read(json!({
            "deadline": "0s",
            "identity": {"header": "x-client"},
            "limit": {"rate": "0/s", "burst": 0},
            "keys": {"partners": {"a": "k", "b": "k"}},
            "upstreams": {
                "shop": {"endpoints": ["shop"], "breaker": {"trials": 0},
                         "retry-budget": {"ratio": 2.0}},
            },
            "routes": [
                {"name": "a", "upstream": "gone", "keys": "gone", "hosts": ["a:80", "*."]},
                {"name": "a", "upstream": "shop", "deadline": "1s",
                 "matches": [{"path": {"prefix": "/a//b"}, "method": "get"}],
                 "retry": {"attempts": 3, "per-try-timeout": "500ms", "statuses": [404]}},
            ],
        }));
        let expected = [
            "identity.header",
            "limit.rate",
            "limit.burst",
            "deadline",
            "keys.partners.b",
            "upstreams.shop.endpoints",
            "upstreams.shop.breaker.trials",
            "upstreams.shop.retry-budget.ratio",
            "routes[0].upstream",
            "routes[0].keys",
            "routes[0].hosts[0]",
            "routes[0].hosts[1]",
            "routes[1].name",
            "routes[1].matches[0].path",
            "routes[1].matches[0].method",
            "routes[1].retry.per-try-timeout",
            "routes[1].retry.statuses",
        ];
        assert_eq!(fields(&config), expected);
    }

    #[test]
    fn unknown_keys_are_errors() {
        let mut value = smallest();
        value["dedline"] = json!("1s");
        let error = serde_json::from_value::<Config>(value)
            .unwrap_err()
            .to_string();
        assert!(error.contains("dedline"), "{error}");
    }

    #[test]
    fn an_endpoint_listed_twice_is_refused() {
        let mut config = read(smallest());
        config
            .upstreams
            .get_mut("shop")
            .unwrap()
            .endpoints
            .push("shop:80".to_owned());
        assert_eq!(fields(&config), ["upstreams.shop.endpoints"]);
    }
}
