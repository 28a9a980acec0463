//! Validation of what becomes of a request.

use std::collections::BTreeMap;

use http::header::{CONTENT_LENGTH, HOST, TE, TRAILER};
use http::{HeaderName, HeaderValue, StatusCode};

use super::super::super::hops::HOP_BY_HOP;
use super::super::{
    Action, Config, HeaderChanges, Mirror, PathMatch, PathRewrite, Protocol, Redirect, Respond,
    Route, Split, Stick,
};
use super::Findings;
use super::route::check_path;
use crate::http::deadline;

/// Headers that frame a message, belong to one connection, or are this gateway's to write.
fn is_reserved(name: &HeaderName) -> bool {
    let own = [CONTENT_LENGTH, HOST, TE, TRAILER];
    let written = ["traceparent", "tracestate", deadline::HEADER];
    HOP_BY_HOP.contains(name) || own.contains(name) || written.contains(&name.as_str())
}

/// Checks what a route does with its requests.
pub(super) fn check(config: &Config, field: &str, route: &Route, found: &mut Findings) {
    match route.action() {
        None => found.add(
            field,
            "must have exactly one of `upstream`, `split`, `redirect` and `respond`",
        ),
        Some(Action::Upstream(name)) => {
            upstream(config, format!("{field}.upstream"), name, found);
        }
        Some(Action::Split(split)) => check_split(config, &format!("{field}.split"), split, found),
        Some(Action::Redirect(redirect)) => {
            let field = format!("{field}.redirect");
            check_redirect(config, &field, redirect, found);
            let path = redirect.path.as_ref();
            check_prefix(format!("{field}.path"), path, route, found);
        }
        Some(Action::Respond(respond)) => {
            check_respond(&format!("{field}.respond"), respond, found);
        }
    }
    if let Some(rewrite) = &route.rewrite {
        let field = format!("{field}.rewrite");
        if let Some(host) = &rewrite.host
            && host.parse::<http::uri::Authority>().is_err()
        {
            found.add(
                format!("{field}.host"),
                "must be a host, with or without port",
            );
        }
        let path = rewrite.path.as_ref();
        check_rewrite(config, format!("{field}.path"), path, found);
        check_prefix(format!("{field}.path"), path, route, found);
    }
    check_upgrade(config, field, route, found);
    for (position, mirror) in route.mirror.iter().enumerate() {
        check_mirror(
            config,
            &format!("{field}.mirror[{position}]"),
            mirror,
            found,
        );
    }
    check_changes(
        &format!("{field}.request-headers"),
        &route.request_headers,
        found,
    );
    check_changes(
        &format!("{field}.response-headers"),
        &route.response_headers,
        found,
    );
    let forwards = matches!(
        route.action(),
        None | Some(Action::Upstream(_) | Action::Split(_))
    );
    if !forwards {
        check_nothing_to_forward(field, route, found);
    }
}

/// What only makes sense on the way to an upstream is not silently ignored.
fn check_nothing_to_forward(field: &str, route: &Route, found: &mut Findings) {
    let none = HeaderChanges::default();
    for (name, is_said) in [
        ("mirror", !route.mirror.is_empty()),
        ("rewrite", route.rewrite.is_some()),
        ("request-headers", route.request_headers != none),
        ("response-headers", route.response_headers != none),
        ("filters", !route.filters.is_empty()),
        ("retry", route.retry.is_some()),
        ("transcode", route.transcode.is_some()),
        ("upgrade", route.upgrade.is_some()),
    ] {
        if is_said {
            found.add(
                format!("{field}.{name}"),
                "does nothing: requests of this route are not forwarded",
            );
        }
    }
}

fn upstream(config: &Config, field: String, name: &str, found: &mut Findings) {
    if !config.upstreams.contains_key(name) {
        let known: Vec<_> = config.upstreams.keys().map(String::as_str).collect();
        let problem = format!("names no upstream (known: {})", known.join(", "));
        found.add(field, problem);
    }
}

fn check_split(config: &Config, field: &str, split: &Split, found: &mut Findings) {
    if split.to.is_empty() {
        found.add(format!("{field}.to"), "is empty");
    }
    for (position, share) in split.to.iter().enumerate() {
        let field = format!("{field}.to[{position}].upstream");
        upstream(config, field, &share.upstream, found);
    }
    if let Some(stick) = &split.sticky {
        check_stick(&format!("{field}.sticky"), stick, found);
    }
}

/// Checks where the value that decides is said to be.
pub(super) fn check_stick(field: &str, stick: &Stick, found: &mut Findings) {
    match stick {
        Stick::Header(name) => found.header(format!("{field}.header"), name),
        Stick::Cookie(name) if !is_token(name) => {
            found.add(format!("{field}.cookie"), "is no cookie name");
        }
        Stick::Cookie(_) | Stick::Client => {}
    }
}

/// RFC 9110, section 5.6.2: what a header name is made of, a cookie name is as well.
fn is_token(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
}

fn check_redirect(config: &Config, field: &str, redirect: &Redirect, found: &mut Findings) {
    if ![301, 302, 303, 307, 308].contains(&redirect.status) {
        found.add(
            format!("{field}.status"),
            "must be 301, 302, 303, 307 or 308",
        );
    }
    if let Some(scheme) = &redirect.scheme
        && !["http", "https"].contains(&scheme.as_str())
    {
        found.add(format!("{field}.scheme"), "must be `http` or `https`");
    }
    if let Some(host) = &redirect.host
        && host
            .parse::<http::uri::Authority>()
            .map_or(true, |host| host.port().is_some())
    {
        found.add(format!("{field}.host"), "must be a host without port");
    }
    if redirect.port == Some(0) {
        found.add(format!("{field}.port"), "must be at least 1");
    }
    let path = redirect.path.as_ref();
    check_rewrite(config, format!("{field}.path"), path, found);
}

fn check_rewrite(
    config: &Config,
    field: String,
    rewrite: Option<&PathRewrite>,
    found: &mut Findings,
) {
    if let Some(PathRewrite::Full(path) | PathRewrite::Prefix(path)) = rewrite {
        check_path(field, path, config.encoded_slashes, found);
    }
}

/// A prefix can be replaced only where every match of the route is one.
fn check_prefix(field: String, rewrite: Option<&PathRewrite>, route: &Route, found: &mut Findings) {
    let is_prefix = |path: &Option<PathMatch>| matches!(path, None | Some(PathMatch::Prefix(_)));
    let all = route
        .matches
        .iter()
        .all(|matching| is_prefix(&matching.path));
    if matches!(rewrite, Some(PathRewrite::Prefix(_))) && !all {
        found.add(
            field,
            "replaces a prefix, and the route matches paths by other means",
        );
    }
}

fn check_respond(field: &str, respond: &Respond, found: &mut Findings) {
    // Below 200 nothing is an answer; 204 and 304 have no body.
    let status = StatusCode::from_u16(respond.status);
    if status.map_or(true, |status| !(200..=599).contains(&status.as_u16())) {
        found.add(format!("{field}.status"), "must be from 200 to 599");
    }
    if [204, 304].contains(&respond.status) && !respond.body.is_empty() {
        found.add(format!("{field}.body"), "must be empty with this status");
    }
    check_values(&format!("{field}.headers"), &respond.headers, found);
}

fn check_upgrade(config: &Config, field: &str, route: &Route, found: &mut Findings) {
    let Some(upgrade) = &route.upgrade else {
        return;
    };
    let field = format!("{field}.upgrade");
    found.lasting(format!("{field}.idle-timeout"), upgrade.idle_timeout);
    if upgrade.protocols.is_empty() {
        found.add(format!("{field}.protocols"), "is empty");
    }
    for (position, name) in upgrade.protocols.iter().enumerate() {
        if !is_token(name) {
            found.add(
                format!("{field}.protocols[{position}]"),
                "is no name of a protocol",
            );
        }
    }
    let names: Vec<&str> = match route.action() {
        Some(Action::Upstream(name)) => vec![name],
        Some(Action::Split(split)) => split.to.iter().map(|share| &*share.upstream).collect(),
        _ => Vec::new(),
    };
    let mut upstreams = names.iter().filter_map(|name| config.upstreams.get(*name));
    if upstreams.any(|upstream| upstream.protocol != Protocol::Http1) {
        found.add(field, "needs upstreams that speak `http1`");
    }
}

fn check_mirror(config: &Config, field: &str, mirror: &Mirror, found: &mut Findings) {
    upstream(config, format!("{field}.upstream"), &mirror.upstream, found);
    if !(0.0..=1.0).contains(&mirror.share) {
        found.add(format!("{field}.share"), "must be between 0 and 1");
    }
    found.positive(
        format!("{field}.max-in-flight"),
        mirror.max_in_flight as u64,
    );
    found.lasting(format!("{field}.deadline"), mirror.deadline);
}

fn check_changes(field: &str, changes: &HeaderChanges, found: &mut Findings) {
    for (position, name) in changes.remove.iter().enumerate() {
        check_name(format!("{field}.remove[{position}]"), name, found);
    }
    check_values(&format!("{field}.set"), &changes.set, found);
    check_values(&format!("{field}.add"), &changes.add, found);
}

fn check_values(field: &str, headers: &BTreeMap<String, String>, found: &mut Findings) {
    for (name, value) in headers {
        let field = format!("{field}.{name}");
        check_name(field.clone(), name, found);
        if HeaderValue::try_from(value).is_err() {
            found.add(field, "is no header value");
        }
    }
}

fn check_name(field: String, name: &str, found: &mut Findings) {
    match HeaderName::try_from(name) {
        Err(_) => found.add(field, format!("is `{name}`, which is no header name")),
        Ok(name) if is_reserved(&name) => {
            found.add(field, format!("is `{name}`, which is not to be changed"));
        }
        Ok(_) => {}
    }
}
