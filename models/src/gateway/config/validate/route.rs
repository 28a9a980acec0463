//! Validation of a route: what it matches, what bounds it.

use std::time::Duration;

use http::Method;

use super::super::super::path::normalise;
use super::super::super::table::whole;
use super::super::{Config, Match, PathMatch, Retry, Route};
use super::{Findings, action, check_limit, filter, transcode};
use crate::gateway::EncodedSlashes;

/// Checks one route.
pub(super) fn check(config: &Config, field: &str, route: &Route, found: &mut Findings) {
    action::check(config, field, route, found);
    filter::check_route(config, field, route, found);
    transcode::check(config, field, route, found);
    if let Some(keys) = &route.keys
        && !config.keys.contains_key(keys)
    {
        found.add(format!("{field}.keys"), "names no set of keys");
    }
    for (position, host) in route.hosts.iter().enumerate() {
        check_host(format!("{field}.hosts[{position}]"), host, found);
    }
    check_matches(field, route, config.encoded_slashes, found);
    if let Some(deadline) = route.deadline {
        found.lasting(format!("{field}.deadline"), deadline);
    }
    if let Some(limit) = &route.limit {
        check_limit(&format!("{field}.limit"), limit, found);
    }
    if let Some(retry) = &route.retry {
        let deadline = route.deadline.unwrap_or(config.deadline);
        check_retry(&format!("{field}.retry"), retry, deadline, found);
    }
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
        match &matching.path {
            // A path that normalisation would change could never fit what is compared.
            Some(PathMatch::Exact(path) | PathMatch::Prefix(path)) => {
                check_path(format!("{field}.path"), path, slashes, found);
            }
            Some(PathMatch::Regex(expression)) => {
                check_regex(format!("{field}.path.regex"), expression, found);
            }
            None => {}
        }
        check_patterns(&field, matching, found);
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

fn check_patterns(field: &str, matching: &Match, found: &mut Findings) {
    for (name, expression) in &matching.header_patterns {
        let field = format!("{field}.header-patterns.{name}");
        found.header(&field, name);
        check_regex(field, expression, found);
    }
    for (name, expression) in &matching.query_patterns {
        let field = format!("{field}.query-patterns.{name}");
        check_regex(field, expression, found);
    }
}

fn check_regex(field: String, expression: &str, found: &mut Findings) {
    if let Err(error) = whole(expression) {
        found.add(field, format!("is no regular expression: {error}"));
    }
}

/// A path has to be in its normal form.
pub(super) fn check_path(field: String, path: &str, slashes: EncodedSlashes, found: &mut Findings) {
    match normalise(path, slashes) {
        Ok(normal) if normal == *path => {}
        Ok(normal) => found.add(field, format!("must be normalised: `{normal}`")),
        Err(problem) => found.add(field, problem.to_string()),
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
