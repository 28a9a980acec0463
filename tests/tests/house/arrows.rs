//! Arrows point only downward: the dependencies between our packages are exactly those of the plan.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::BTreeSet;

/// Who may depend on whom, development dependencies not counted.
const ARROWS: &[(&str, &[&str])] = &[
    ("windtunnel-record", &[]),
    ("windtunnel-checkers", &["windtunnel-record"]),
    ("windtunnel-engine", &["windtunnel-record"]),
    ("windtunnel-explorer", &["windtunnel-record"]),
    ("windtunnel-tokio", &["windtunnel-engine"]),
    ("windtunnel-reports", &["windtunnel-record"]),
    ("windtunnel-models", &["windtunnel-tokio"]),
    (
        "windtunnel",
        &[
            "windtunnel-checkers",
            "windtunnel-engine",
            "windtunnel-explorer",
            "windtunnel-record",
            "windtunnel-tokio",
        ],
    ),
    (
        "windtunnel-scenarios",
        &[
            "windtunnel",
            "windtunnel-checkers",
            "windtunnel-explorer",
            "windtunnel-models",
            "windtunnel-record",
            "windtunnel-reports",
            "windtunnel-tokio",
        ],
    ),
];

/// What only the named packages may depend on, and why.
const RESERVED: &[(&str, &[&str])] = &[
    ("madsim", &["windtunnel-engine"]),
    ("clap", &["windtunnel-scenarios"]),
    ("anyhow", &["windtunnel-scenarios", "windtunnel-tests"]),
    ("miette", &["windtunnel-scenarios"]),
];

fn dependencies() -> Vec<(String, BTreeSet<String>)> {
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("this is a cargo workspace");
    let packages = metadata.packages.into_iter().map(|package| {
        let names = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development);
        (
            package.name.to_string(),
            names.map(|dependency| dependency.name.clone()).collect(),
        )
    });
    packages.collect()
}

#[test]
fn arrows_between_our_packages_are_those_of_the_plan() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (name, dependencies) in dependencies() {
        if name == "windtunnel-tests" {
            continue;
        }
        let (_, allowed) = ARROWS
            .iter()
            .find(|(package, _)| *package == name)
            .unwrap_or_else(|| panic!("{name} is not in the plan: add it with its arrows"));
        for dependency in dependencies
            .iter()
            .filter(|name| ours.contains(name.as_str()))
        {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn reserved_libraries_stay_where_they_belong() {
    for (name, dependencies) in dependencies() {
        for (library, owners) in RESERVED {
            assert!(
                !dependencies.contains(*library) || owners.contains(&name.as_str()),
                "{library} belongs to {owners:?}, not to {name}"
            );
        }
    }
}

#[test]
fn nobody_but_the_tests_sees_the_scenarios() {
    for (name, dependencies) in dependencies() {
        assert!(
            name == "windtunnel-tests" || !dependencies.contains("windtunnel-scenarios"),
            "{name} depends on the composition root"
        );
    }
}
