//! The catalogue's shop on a small day: six seconds of load, so that a run costs little.

use super::plans::Hosts;
use std::collections::BTreeMap;
use windtunnel::Tunnel;
use windtunnel_record::{FaultPlan, RuleReport, RunRecord, RunSpec, Seed, Span};
use windtunnel_scenarios::{catalogue, format, world};

/// The rules that hold whatever goes wrong.
pub const SAFETY: [&str; 7] = [
    "no-panic",
    "no-failed-main",
    "nothing-oversold",
    "no-double-charge",
    "no-double-reservation",
    "money-conserved",
    "all-or-nothing",
];

/// What makes the day small. Few items and few customers' worth of requests, so that they collide.
const SMALL: [(&str, &str); 4] = [
    ("run.duration", "6s"),
    ("load.shoppers.stages.0.for", "6s"),
    ("load.shoppers.stages.0.rate", "20/s"),
    ("load.shoppers.keys.zipf.n", "20"),
];

/// A shop with some settings changed, ready to run under any plan.
pub struct Shop {
    overrides: BTreeMap<String, String>,
    scenario: format::Scenario,
}

impl Shop {
    /// The small day with `settings` changed on top.
    pub fn small(settings: &[(&str, &str)]) -> Self {
        let all = SMALL.iter().chain(settings);
        Self::with(all.map(|(path, value)| ((*path).into(), (*value).into())))
    }

    /// The shop that a case is about.
    pub fn of(spec: &RunSpec) -> Self {
        assert_eq!(spec.scenario, "shop", "the properties are about the shop");
        Self::with(spec.overrides.clone())
    }

    fn with(overrides: impl IntoIterator<Item = (String, String)>) -> Self {
        let overrides = overrides.into_iter().collect();
        let known = catalogue::SCENARIOS
            .iter()
            .find(|(name, _)| *name == "shop");
        let text = known.expect("the catalogue has a shop").1;
        let text = format::apply_overrides(text, &overrides).expect("the settings exist");
        let scenario = format::Scenario::from_toml(&text).expect("the shop is valid");
        for rule in &SAFETY[2..] {
            let there = scenario.checks.iter().any(|check| check.id == *rule);
            assert!(there, "the shop has no rule `{rule}` any more");
        }
        Self {
            overrides,
            scenario,
        }
    }

    /// How long there is load.
    pub fn load(&self) -> Span {
        self.scenario.run.duration
    }

    /// Its hosts, clients included.
    pub fn hosts(&self) -> Hosts {
        let services = self.scenario.services.iter();
        let replicas = services.flat_map(|(name, service)| {
            (0..service.replicas).map(move |number| format!("{name}-{number}"))
        });
        Hosts {
            servers: replicas.collect(),
            clients: self
                .scenario
                .load
                .iter()
                .map(|load| load.name.clone())
                .collect(),
        }
    }

    /// The run of it under `seed` and `faults`.
    pub fn spec(&self, seed: u64, faults: FaultPlan) -> RunSpec {
        RunSpec {
            overrides: self.overrides.clone(),
            limits: self.scenario.run.limits.unwrap_or_default(),
            faults: Some(faults),
            ..RunSpec::new("shop", Seed(seed))
        }
    }

    /// Runs it.
    pub fn run(&self, spec: &RunSpec) -> RunRecord {
        let scenario = self.scenario.clone();
        let describe = move |tunnel: &mut Tunnel| world::describe(&scenario, tunnel);
        let run = windtunnel::execute(spec, Default::default(), describe);
        let run = run.expect("the run can be made");
        assert_eq!(run.limit(), None, "seed {} hit a limit", spec.seed);
        run
    }
}

/// Whether this is a rule of safety.
pub fn is_safety(rule: &str) -> bool {
    SAFETY.contains(&rule)
}

/// The first rule of safety that a run breaks.
pub fn broken(run: &RunRecord) -> Option<&RuleReport> {
    let safety = |report: &&RuleReport| is_safety(&report.id) && report.fails();
    run.rules.iter().find(safety)
}
