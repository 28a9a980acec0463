//! Names that must mean something, and settings that cannot be.

use super::{Policy, Problem, Role, Scenario, decode::Places, problem::closest};
use crate::apps;
use std::collections::BTreeSet;
use windtunnel_explorer::problems;

/// The written clients of loads.
pub const CLIENTS: &[&str] = &["shop/checkout"];

/// Finds everything that is wrong beyond the shape of single tables.
pub(super) fn check(scenario: &Scenario, text: &str, places: &Places, problems: &mut Vec<Problem>) {
    let mut checker = Checker {
        scenario,
        text,
        places,
        problems,
    };
    checker.services();
    checker.loads();
    checker.faults();
    checker.checks();
}

struct Checker<'c> {
    scenario: &'c Scenario,
    text: &'c str,
    places: &'c Places,
    problems: &'c mut Vec<Problem>,
}

impl Checker<'_> {
    fn report(&mut self, table: &str, word: &str, message: String, help: Option<String>) {
        let span = self.places.find(self.text, table, word);
        let problem = Problem::at(self.text, span, message);
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    /// `word` must be among `known`.
    fn known<'k>(
        &mut self,
        table: &str,
        what: &str,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        if known.contains(&word) {
            return;
        }
        let help = match closest(word, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("there is no {what} at all"),
            None => format!("there is {}", known.join(", ")),
        };
        self.report(
            table,
            word,
            format!("there is no {what} called `{word}`"),
            Some(help),
        );
    }

    fn service_name(&mut self, table: &str, word: &str) {
        let known: Vec<String> = self.places.below("services").map(Into::into).collect();
        self.known(table, "service", word, known.iter().map(String::as_str));
    }

    fn policy(&mut self, table: &str, kind: &str, word: Option<&String>) {
        let Some(word) = word else { return };
        let scenario = self.scenario;
        match scenario.policies.get(word) {
            Some(policy) if policy.kind() == kind => {}
            Some(policy) => {
                let found = policy.kind();
                let message = format!("policy `{word}` is a {found}, not a {kind}");
                self.report(table, word, message, None);
            }
            None if self.places.below("policies").any(|name| name == word) => {}
            None => {
                let fit = |(_, policy): &(&String, &Policy)| policy.kind() == kind;
                let names: Vec<_> = scenario
                    .policies
                    .iter()
                    .filter(fit)
                    .map(|(name, _)| name.as_str())
                    .collect();
                self.known(table, &format!("{kind} policy"), word, names);
            }
        }
    }

    fn services(&mut self) {
        let scenario = self.scenario;
        for (name, service) in &scenario.services {
            let table = format!("services.{name}");
            if let Some(app) = &service.app {
                self.known(
                    &table,
                    "application",
                    app,
                    apps::APPS.iter().map(|(name, _)| *name),
                );
            }
            if service.replicas == 0 || service.cores == 0 || service.zones.is_empty() {
                let message = format!("`{name}` needs at least one replica, core and zone");
                self.report(&table, name, message, None);
            }
            if service.role == Role::Service && !service.routes.is_empty() {
                let message = format!("`{name}` has routes but is no gateway");
                self.report(
                    &table,
                    name,
                    message,
                    Some("write role = \"gateway\"".into()),
                );
            }
            for call in &service.calls {
                self.service_name(&table, &call.to);
                self.policy(&table, "retry", call.retry.as_ref());
                self.policy(&table, "breaker", call.breaker.as_ref());
                self.policy(&table, "balancer", call.balancer.as_ref());
            }
            for route in &service.routes {
                self.service_name(&table, &route.to);
                self.policy(&table, "retry", route.retry.as_ref());
                self.policy(&table, "breaker", route.breaker.as_ref());
                self.policy(&table, "balancer", route.balancer.as_ref());
                self.policy(&table, "rate-limit", route.rate_limit.as_ref());
            }
        }
    }

    fn loads(&mut self) {
        let scenario = self.scenario;
        let mut seen = BTreeSet::new();
        for (number, load) in scenario.load.iter().enumerate() {
            let table = format!("load.{number}");
            if !seen.insert(&load.name) {
                let message = format!("there are two loads called `{}`", load.name);
                self.report(&table, &load.name, message, None);
            }
            self.service_name(&table, &load.via);
            self.policy(&table, "retry", load.retry.as_ref());
            self.policy(&table, "breaker", load.breaker.as_ref());
            self.policy(&table, "balancer", load.balancer.as_ref());
            if let Some(app) = &load.app {
                self.known(&table, "written client", app, CLIENTS.iter().copied());
            }
        }
    }

    fn faults(&mut self) {
        let scenario = self.scenario;
        let topology = scenario.topology();
        let whole = scenario.services.len() == self.places.below("services").count();
        let mut seen = BTreeSet::new();
        for (number, fault) in scenario.faults.iter().enumerate() {
            let table = format!("faults.{number}");
            if !seen.insert(&fault.id) {
                let message = format!("there are two faults called `{}`", fault.id);
                self.report(&table, &fault.id, message, None);
            }
            for problem in problems(fault) {
                self.report(
                    &table,
                    &fault.id,
                    format!("fault `{}`: {problem}", fault.id),
                    None,
                );
            }
            for target in fault.inject.targets().iter().flat_map(|targets| &targets.0) {
                if whole && !topology.hosts.iter().any(|host| target.matches(host)) {
                    let word = target.to_string();
                    let known: Vec<String> = scenario
                        .services
                        .keys()
                        .cloned()
                        .chain(
                            topology
                                .hosts
                                .iter()
                                .map(|host| format!("zone:{}", host.zone)),
                        )
                        .collect();
                    let help = closest(&word, known.iter().map(String::as_str))
                        .map(|meant| format!("did you mean `{meant}`?"));
                    self.report(&table, &word, format!("no host is meant by `{word}`"), help);
                }
            }
        }
    }

    fn checks(&mut self) {
        let scenario = self.scenario;
        let mut seen = BTreeSet::new();
        for (number, check) in scenario.checks.iter().enumerate() {
            let table = format!("checks.{number}");
            if !seen.insert(&check.id) {
                let message = format!("there are two checks called `{}`", check.id);
                self.report(&table, &check.id, message, None);
            }
            let Err(error) = check.rule.compile(&check.id) else {
                continue;
            };
            let texts = check.rule.texts();
            let written = texts.iter().find(|(field, _)| *field == error.field);
            let written = written.map_or("", |(_, written)| *written);
            let mut span = self.places.find(self.text, &table, written);
            if self.text.get(span.clone()) == Some(written) {
                let start = span.start + error.error.offset;
                span = start..start + error.error.length;
            }
            let problem = Problem::at(self.text, span, error.error.message.clone());
            let help = error.error.help.clone();
            self.problems.push(if help.is_empty() {
                problem
            } else {
                problem.help(help)
            });
        }
        if let Some(expect) = &scenario.expect {
            let known = scenario.checks.iter().map(|check| check.id.as_str());
            self.known("expect", "check", &expect.violated, known);
        }
    }
}
