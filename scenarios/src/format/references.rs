//! Names that must mean something: services, policies, applications, hosts; and names given twice.

use super::{Policy, Problem, Scenario, explain::explain, places::Places, problem::closest, prune};
use crate::apps;
use std::{collections::BTreeSet, ops::Range};
use windtunnel_explorer::problems;
use windtunnel_record::{Topology, target::Target};

/// The written clients of loads.
pub const CLIENTS: &[&str] = &["shop/checkout"];

/// What decoding found, for those who look for what single tables cannot tell.
pub(super) struct Checker<'c, 't> {
    pub scenario: &'c Scenario,
    pub text: &'c str,
    pub places: &'c Places<'t>,
    pub problems: &'c mut Vec<Problem>,
}

impl Checker<'_, '_> {
    pub fn report(&mut self, span: Range<usize>, message: impl Into<String>, help: &str) {
        let problem = Problem::at(self.text, span, message);
        self.problems.push(if help.is_empty() {
            problem
        } else {
            problem.help(help)
        });
    }

    /// `word` must be among `known`.
    pub fn known(&mut self, span: Range<usize>, what: &str, word: &str, known: &[&str]) {
        if known.contains(&word) {
            return;
        }
        let help = match closest(word, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("there is no {what} at all"),
            None => format!("there is {}", known.join(", ")),
        };
        let message = format!("there is no {what} called `{word}`");
        self.report(span, message, &help);
    }

    fn service(&mut self, part: &str, path: &str, word: &str) {
        let known = self.places.names("services");
        self.known(self.places.at(part, path), "service", word, &known);
    }

    /// The written service must take the settings that it is given.
    fn taken(&mut self, part: &str, app: &str) {
        let Some((span, settings)) = self.places.table(part, "config") else {
            return;
        };
        if let Some(app) = apps::find(app) {
            let (_, errors) = prune::decode_by(&mut settings.clone(), &span, app.takes);
            let explained = errors.iter().map(|e| explain(self.text, e, span.clone()));
            self.problems.extend(explained);
        }
    }

    /// The policies that stand at `at` under the names of their kinds.
    fn policies(&mut self, part: &str, at: &str, named: &[(&str, &Option<String>)]) {
        for (kind, word) in named {
            if let Some(word) = word {
                self.policy(part, &format!("{at}{kind}"), kind, word);
            }
        }
    }

    fn policy(&mut self, part: &str, path: &str, kind: &str, word: &str) {
        let scenario = self.scenario;
        let span = self.places.at(part, path);
        let fit = scenario.policies.iter();
        let fit = fit.filter(|(_, policy): &(&String, &Policy)| policy.kind() == kind);
        let fit: Vec<&str> = fit.map(|(name, _)| name.as_str()).collect();
        match scenario.policies.get(word) {
            Some(policy) if policy.kind() == kind => {}
            Some(policy) => {
                let message = format!("policy `{word}` is a {}, not a {kind}", policy.kind());
                let help = match fit.as_slice() {
                    [] => format!("write [policies.some-name.{kind}]"),
                    names => format!("there is {}", names.join(", ")),
                };
                self.report(span, message, &help);
            }
            None if self.places.names("policies").contains(&word) => {}
            None => self.known(span, &format!("{kind} policy"), word, &fit),
        }
    }

    /// Each name of a list may be given once.
    fn once<'n>(&mut self, list: &str, key: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen = BTreeSet::new();
        for (number, name) in names.enumerate() {
            if !seen.insert(name) {
                let span = self.places.at(&format!("{list}.{number}"), key);
                let message = format!("`{name}` is the {key} of two of the {list}");
                self.report(span, message, "give each a name of its own");
            }
        }
    }

    /// Every target must mean a host.
    fn target(&mut self, topology: &Topology, part: &str, key: &str, target: &Target) {
        if topology.hosts.iter().any(|host| target.matches(host)) {
            return;
        }
        let word = target.to_string();
        let whole = self.places.whole("services") && self.places.whole("load");
        let mut known = self.places.names("services");
        known.extend(self.places.texts("load", "name"));
        if !whole {
            // Of a service with a mistake only the name is certain.
            let named = matches!(target, Target::Name(name) if !known.contains(&name.as_str()));
            if !named {
                return;
            }
        }
        let zones = topology.hosts.iter().map(|host| &host.zone);
        let zones: BTreeSet<String> = zones.map(|zone| format!("zone:{zone}")).collect();
        known.extend(zones.iter().map(String::as_str));
        known.extend(["role:service", "role:gateway", "role:client"]);
        let help = match (target, closest(&word, known.iter().copied())) {
            (Target::Replica(name, _), _) if known.contains(&name.as_str()) => {
                format!("`{name}` has fewer replicas; they count from 0")
            }
            (_, Some(meant)) => format!("did you mean `{meant}`?"),
            (_, None) => format!("there is {}", known.join(", ")),
        };
        let span = self.places.text_below(part, key, &word);
        self.report(span, format!("no host is meant by `{word}`"), &help);
    }
}

/// Finds names that mean nothing.
pub(super) fn check(checker: &mut Checker<'_, '_>) {
    services(checker);
    loads(checker);
    faults(checker);
    links(checker);
}

fn services(checker: &mut Checker<'_, '_>) {
    for (name, service) in &checker.scenario.services {
        let part = format!("services.{name}");
        if let Some(app) = &service.app {
            let known: Vec<&str> = apps::APPS.iter().map(|app| app.name).collect();
            checker.known(checker.places.at(&part, "app"), "application", app, &known);
            checker.taken(&part, app);
        }
        for (number, call) in service.calls.iter().enumerate() {
            let at = format!("calls.{number}.");
            checker.service(&part, &format!("{at}to"), &call.to);
            let policies = [
                ("retry", &call.retry),
                ("breaker", &call.breaker),
                ("balancer", &call.balancer),
            ];
            checker.policies(&part, &at, &policies);
        }
        for (number, route) in service.routes.iter().enumerate() {
            let at = format!("routes.{number}.");
            checker.service(&part, &format!("{at}to"), &route.to);
            let policies = [
                ("retry", &route.retry),
                ("breaker", &route.breaker),
                ("balancer", &route.balancer),
                ("rate-limit", &route.rate_limit),
            ];
            checker.policies(&part, &at, &policies);
        }
    }
}

fn loads(checker: &mut Checker<'_, '_>) {
    let loads = &checker.scenario.load;
    checker.once("load", "name", loads.iter().map(|load| load.name.as_str()));
    for (number, load) in loads.iter().enumerate() {
        let part = format!("load.{number}");
        let name = load.name.as_str();
        let host = |service: &str| {
            let replica = name.strip_prefix(service).and_then(|n| n.strip_prefix('-'));
            service == name || replica.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        if checker.places.names("services").into_iter().any(host) {
            let message = format!("`{name}` is a load and a service or one of its hosts");
            let span = checker.places.at(&part, "name");
            checker.report(span, message, "a load is a host: give it a name of its own");
        }
        checker.service(&part, "via", &load.via);
        let policies = [
            ("retry", &load.retry),
            ("breaker", &load.breaker),
            ("balancer", &load.balancer),
        ];
        checker.policies(&part, "", &policies);
        if let Some(app) = &load.app {
            checker.known(
                checker.places.at(&part, "app"),
                "written client",
                app,
                CLIENTS,
            );
        }
    }
}

fn faults(checker: &mut Checker<'_, '_>) {
    let topology = checker.scenario.topology();
    let faults = &checker.scenario.faults;
    checker.once("faults", "id", faults.iter().map(|fault| fault.id.as_str()));
    for (number, fault) in faults.iter().enumerate() {
        let part = format!("faults.{number}");
        for problem in problems(fault) {
            // A problem begins with the key it is about.
            let key = problem.split('`').nth(1).unwrap_or("id");
            let inject = format!("inject.{}.{key}", fault.inject.kind());
            let top = checker.places.has(&part, key);
            let span = checker.places.at(&part, if top { key } else { &inject });
            checker.report(span, format!("fault `{}`: {problem}", fault.id), "");
        }
        for target in fault.inject.targets().iter().flat_map(|all| &all.0) {
            checker.target(&topology, &part, "inject", target);
        }
    }
}

fn links(checker: &mut Checker<'_, '_>) {
    let topology = checker.scenario.topology();
    for link in &checker.scenario.network.links {
        for target in link.between.iter().flat_map(|all| &all.0) {
            checker.target(&topology, "network", "links", target);
        }
    }
}
