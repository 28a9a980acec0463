//! A sweep as one closing JSON object, folded from the lines of its seeds. The order of the lines
//! does not matter.

use super::SeedLine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use windtunnel_record::{Seed, verdict::Severity};

/// The whole sweep in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SweepSummary {
    /// The scenario.
    pub scenario: String,
    /// How many seeds ran.
    pub seeds: u64,
    /// Seeds on which every rule held.
    pub held: u64,
    /// Seeds on which a rule was violated.
    pub violated: u64,
    /// Seeds on which a rule could not be judged.
    pub unknown: u64,
    /// Seeds whose run did not come to its end.
    pub aborted: u64,
    /// Simulated time of all seeds, in milliseconds.
    pub simulated_ms: u64,
    /// Time all seeds took, in milliseconds, summed over workers.
    pub wall_ms: u64,
    /// Events of all seeds.
    pub events: u64,
    /// Operations of all seeds.
    pub requests: u64,
    /// Per rule, in the scenario's order.
    pub rules: Vec<RuleSummary>,
    /// `sometimes` rules that no seed met.
    pub never_met: Vec<String>,
    /// Per kind of fault, by name.
    pub fault_kinds: Vec<FaultKindSummary>,
    /// The seed that took longest.
    pub slowest: Option<SeedCost>,
    /// The seed that fails soonest: the one to debug with.
    pub fastest_failing: Option<SeedCost>,
    /// The lowest seed that came to no verdict.
    pub first_undecided: Option<Seed>,
}

/// One rule over all seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleSummary {
    /// The rule's name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Whether a violation fails the run.
    pub severity: Severity,
    /// How often it was evaluated.
    pub evaluated: u64,
    /// Seeds on which it held; for a `sometimes` rule, on which it was met.
    pub held: u64,
    /// Seeds on which it was violated.
    pub violated: u64,
    /// Seeds on which a `sometimes` rule was not met.
    pub unmet: u64,
    /// Seeds on which it could not be judged.
    pub unknown: u64,
    /// The lowest seed that violated it.
    pub first_violation: Option<Seed>,
}

/// One kind of fault over all seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultKindSummary {
    /// The kind.
    pub kind: String,
    /// Seeds on which it happened.
    pub seeds: u64,
    /// Seeds on which it touched a request in flight.
    pub seeds_hit: u64,
}

/// A seed and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedCost {
    /// The seed.
    pub seed: Seed,
    /// How long it took, in milliseconds.
    pub wall_ms: u64,
}

impl SweepSummary {
    /// Folds the lines of a sweep.
    pub fn from_lines(lines: &[SeedLine]) -> Self {
        let count = |status| lines.iter().filter(|line| line.status() == status).count() as u64;
        let sum = |of: fn(&SeedLine) -> u64| lines.iter().map(of).sum();
        let cost = |line: &SeedLine| SeedCost {
            seed: line.run.seed,
            wall_ms: line.run.wall_ms,
        };
        let order = |line: &&SeedLine| (line.run.wall_ms, std::cmp::Reverse(line.run.seed));
        let soonest = |line: &&SeedLine| (line.run.wall_ms, line.run.seed);
        let failing = lines.iter().filter(|line| line.status() == "violated");
        let undecided = lines
            .iter()
            .filter(|line| matches!(line.status(), "unknown" | "aborted"));
        let rules = rules(lines);
        let never_met = rules.iter().filter(|rule| rule.held == 0 && rule.unmet > 0);
        Self {
            scenario: lines
                .first()
                .map(|line| line.run.scenario.clone())
                .unwrap_or_default(),
            seeds: lines.len() as u64,
            held: count("held"),
            violated: count("violated"),
            unknown: count("unknown"),
            aborted: count("aborted"),
            simulated_ms: sum(|line| line.run.simulated_ms),
            wall_ms: sum(|line| line.run.wall_ms),
            events: sum(|line| line.run.events),
            requests: sum(|line| line.run.requests),
            never_met: never_met.map(|rule| rule.id.clone()).collect(),
            rules,
            fault_kinds: fault_kinds(lines),
            slowest: lines.iter().max_by_key(order).map(cost),
            fastest_failing: failing.min_by_key(soonest).map(cost),
            first_undecided: undecided.map(|line| line.run.seed).min(),
        }
    }
}

fn rules(lines: &[SeedLine]) -> Vec<RuleSummary> {
    let mut rules: Vec<RuleSummary> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        for check in &line.run.checks {
            let place = *places.entry(&check.id).or_insert_with(|| {
                rules.push(RuleSummary {
                    id: check.id.clone(),
                    kind: check.kind.clone(),
                    severity: check.severity,
                    evaluated: 0,
                    held: 0,
                    violated: 0,
                    unmet: 0,
                    unknown: 0,
                    first_violation: None,
                });
                rules.len() - 1
            });
            let rule = &mut rules[place];
            rule.evaluated += check.evaluated;
            match check.verdict.as_str() {
                "held" => rule.held += 1,
                "violated" => {
                    rule.violated += 1;
                    let first = rule.first_violation.unwrap_or(line.run.seed);
                    rule.first_violation = Some(first.min(line.run.seed));
                }
                "unmet" => rule.unmet += 1,
                _ => rule.unknown += 1,
            }
        }
    }
    rules
}

fn fault_kinds(lines: &[SeedLine]) -> Vec<FaultKindSummary> {
    let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for line in lines {
        for kind in &line.fault_kinds {
            kinds.entry(kind).or_default().0 += 1;
        }
        for kind in &line.fault_kinds_hit {
            let counts = kinds.entry(kind).or_default();
            counts.1 += 1;
            if !line.fault_kinds.contains(kind) {
                counts.0 += 1;
            }
        }
    }
    kinds
        .into_iter()
        .map(|(kind, (seeds, seeds_hit))| FaultKindSummary {
            kind: kind.into(),
            seeds,
            seeds_hit,
        })
        .collect()
}
