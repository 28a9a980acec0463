//! Settings that are fine each on its own and cannot work together, as the gateways that a run would
//! build of them say.

use super::references::Checker;
use crate::world::{self, Built};

/// Finds what a gateway, a described service or a described load would refuse when it starts. Asked
/// only of a scenario in which nothing else is wrong: of a table with mistakes too little is known.
pub(super) fn check(checker: &mut Checker<'_, '_>) {
    if !checker.problems.is_empty() {
        return;
    }
    for built in world::gateways(checker.scenario) {
        let Err(invalid) = built.config.validate() else {
            continue;
        };
        for problem in invalid.problems {
            let (path, name) = written(checker, &built, &problem.field);
            let span = checker.places.at(&built.part, &path);
            let message = format!("`{name}` {}", problem.problem);
            checker.report(span, message, "");
        }
    }
}

/// From the field of a gateway's settings to the path of the key in the scenario, and what to call it.
fn written(checker: &Checker<'_, '_>, built: &Built, field: &str) -> (String, String) {
    for (number, route) in built.config.routes.iter().enumerate() {
        let upstream = route.upstream.as_deref().unwrap_or_default();
        let own = [
            format!("routes[{number}]."),
            format!("upstreams.{upstream}."),
        ];
        let Some(rest) = own.iter().find_map(|own| field.strip_prefix(own)) else {
            continue;
        };
        let at = match built.list {
            Some(list) => format!("{list}.{number}."),
            None => String::new(),
        };
        let exact = checker.places.has(&built.part, &format!("{at}path-exact"));
        let key = key(built.list, exact, rest);
        let name = match rest.split_once('.') {
            Some((first, below)) if first == key => format!("{key}.{below}"),
            _ => key.to_owned(),
        };
        return (format!("{at}{key}"), name);
    }
    (field.to_owned(), field.to_owned())
}

/// The key of a call, a route or a load from which a field of its gateway's settings comes.
fn key<'k>(list: Option<&str>, exact: bool, rest: &'k str) -> &'k str {
    let first = rest.split(['.', '[']).next().unwrap_or(rest);
    match first {
        "retry-budget" => "retry",
        "limit" => "rate-limit",
        "hosts" => "host",
        "endpoints" if list.is_none() => "via",
        "endpoints" => "to",
        "deadline" if list != Some("routes") => "timeout",
        "matches" if rest.ends_with("method") => "method",
        "matches" if exact => "path-exact",
        "matches" => "path-prefix",
        other => other,
    }
}
