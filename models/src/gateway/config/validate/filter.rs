//! Validation of filters: the lists name some, and those that everybody has are told what they know.

use std::collections::BTreeSet;

use super::super::{Config, Route};
use super::Findings;
use crate::gateway::filter::Registry;

/// Checks the filters themselves and the list for all routes. Kinds that only a program knows are checked
/// when a gateway is built.
pub(super) fn check(config: &Config, found: &mut Findings) {
    let known = Registry::default();
    for (name, filter) in &config.filters {
        let field = format!("filters.{name}");
        found.lasting(format!("{field}.timeout"), filter.timeout);
        if let Some(Err(problem)) = known.build(&filter.kind, &filter.settings) {
            found.add(format!("{field}.settings"), problem);
        }
    }
    check_list(config, "common-filters", &config.common_filters, found);
}

/// Checks the list of a route.
pub(super) fn check_route(config: &Config, field: &str, route: &Route, found: &mut Findings) {
    check_list(config, &format!("{field}.filters"), &route.filters, found);
    for (position, name) in route.filters.iter().enumerate() {
        if config.common_filters.contains(name) {
            found.add(
                format!("{field}.filters[{position}]"),
                "is in `common-filters` already",
            );
        }
    }
}

fn check_list(config: &Config, field: &str, list: &[String], found: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (position, name) in list.iter().enumerate() {
        let field = format!("{field}[{position}]");
        if !config.filters.contains_key(name) {
            let known: Vec<_> = config.filters.keys().map(String::as_str).collect();
            let problem = format!("names no filter (known: {})", known.join(", "));
            found.add(&field, problem);
        }
        if !seen.insert(name) {
            found.add(field, "is named twice");
        }
    }
}
