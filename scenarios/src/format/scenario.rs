//! The whole of a scenario.

use super::{Load, Network, Policy, Service};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use windtunnel_checkers::RuleSpec;
use windtunnel_record::{FaultSpec, HostInfo, Limits, Span, Topology, verdict::Severity};

/// A scenario file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct Scenario {
    /// The version of the format: 1.
    pub format: u32,
    /// The scenario's name.
    pub name: String,
    /// What it is about, in a sentence.
    #[serde(default)]
    #[schemars(default)]
    pub about: String,
    /// For a canary: what must go wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// How long it goes on.
    #[serde(default)]
    pub run: Run,
    /// What runs.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Policies by name, for services, routes and loads to use.
    #[serde(default)]
    pub policies: BTreeMap<String, Policy>,
    /// The network.
    #[serde(default)]
    pub network: Network,
    /// Who asks for what.
    #[serde(default)]
    pub load: Vec<Load>,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<FaultSpec>,
    /// What must hold.
    #[serde(default)]
    pub checks: Vec<Check>,
}

/// What a canary expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expect {
    /// The rule that must be violated, and no other.
    pub violated: String,
}

/// How long a run is and what bounds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Run {
    /// How long load and faults last, in simulated time.
    pub duration: Span,
    /// How long the system has to recover afterwards.
    pub settle: Span,
    /// Bounds of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            duration: Span::from_secs(30),
            settle: Span::from_secs(30),
            limits: None,
        }
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Check {
    /// Its name.
    pub id: String,
    /// What it is about, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Whether its violation fails the run.
    #[serde(default)]
    pub severity: Severity,
    /// What must hold.
    pub rule: RuleSpec,
}

impl Scenario {
    /// The hosts: the replicas of the services in the order of their names, then the loads.
    pub fn topology(&self) -> Topology {
        let mut hosts = Vec::new();
        for (name, service) in &self.services {
            for replica in 0..service.replicas {
                hosts.push(HostInfo {
                    name: format!("{name}-{replica}"),
                    service: name.clone(),
                    replica,
                    zone: service.zone(replica).into(),
                    role: service.role.word().into(),
                });
            }
        }
        for load in &self.load {
            hosts.push(HostInfo {
                name: load.name.clone(),
                service: load.name.clone(),
                replica: 0,
                zone: load.zone.clone(),
                role: "client".into(),
            });
        }
        Topology { hosts }
    }
}
