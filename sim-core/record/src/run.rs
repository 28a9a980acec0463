//! What is left of a run when it is over: all that reports and replays need.

use crate::{
    Digest, FaultPlan, History, Moment, RuleReport, RunSpec, Span, Topology, Verdict,
    event::{Event, Record, Text},
};
use serde::{Deserialize, Serialize};

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRecord {
    /// The version of the tool that made it.
    pub tool: String,
    /// What the run was made from.
    pub spec: RunSpec,
    /// What the scenario is about, in a sentence.
    pub about: String,
    /// The hosts.
    pub topology: Topology,
    /// The fingerprint over all events.
    pub digest: Digest,
    /// How many events there were, kept or not.
    pub event_count: u64,
    /// How long the run was, in simulated time.
    pub simulated: Span,
    /// How long it took the machine, in milliseconds. Not part of the digest.
    pub wall_ms: u64,
    /// When the load ended and the settle phase began.
    pub settled_from: Moment,
    /// The faults that were planned and carried out.
    pub faults: FaultPlan,
    /// What came of each rule.
    pub rules: Vec<RuleReport>,
    /// The kept events, in order.
    pub events: Vec<Record>,
}

impl RunRecord {
    /// The verdict of the whole run: violated if a rule with severity error was, else unknown if a
    /// rule could not be judged (an unmet `sometimes` does not count), else held.
    pub fn verdict(&self) -> &'static str {
        if self.rules.iter().any(RuleReport::fails) {
            return "violated";
        }
        let undecided =
            |rule: &RuleReport| matches!(rule.verdict, Verdict::Unknown(_)) && !rule.is_unmet();
        if self.limit().is_some() || self.rules.iter().any(undecided) {
            "unknown"
        } else {
            "held"
        }
    }

    /// The limit that stopped the run, if one did.
    pub fn limit(&self) -> Option<&str> {
        self.events
            .iter()
            .rev()
            .find_map(|record| match &record.event {
                Event::Limit { what } => Some(what.as_str()),
                _ => None,
            })
    }

    /// The client operations.
    pub fn history(&self) -> History {
        History::from_events(&self.events)
    }

    /// The kinds of fault that touched a request in flight, each once, in order of their first hit.
    pub fn fault_kinds_that_hit(&self) -> Vec<Text> {
        let mut kinds: Vec<Text> = Vec::new();
        for record in &self.events {
            if let Event::FaultHit { kind, .. } = &record.event
                && !kinds.contains(kind)
            {
                kinds.push(kind.clone());
            }
        }
        kinds
    }
}
