//! When a fault may happen and when it does: the rule, and the explicit list that is drawn from it.

use crate::{Distribution, Inject, Moment, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a fault may happen: a rule from which a generator draws [`PlannedFault`]s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultSpec {
    /// Its name, unique in the scenario; also the name of its random stream (`faults/<id>`).
    pub id: String,
    /// Once, at this time after the start. Excludes `every`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Distribution>,
    /// Again and again, with this time between the end of one and the begin of the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Distribution>,
    /// The earliest begin of a repeated fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Span>,
    /// The latest begin of a repeated fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
    /// How long each lasts; until the end of the load when absent.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Distribution>,
    /// What goes wrong.
    pub inject: Inject,
}

/// One fault at a definite time on definite hosts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlannedFault {
    /// The spec's id, with `/n` for the n-th of a repeated one: `orders-flap/3`.
    pub id: String,
    /// When it begins.
    pub at: Moment,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub lasting: Span,
    /// What goes wrong, with nothing left to draw.
    pub inject: Inject,
}

impl PlannedFault {
    /// When it ends.
    pub fn end(&self) -> Moment {
        self.at + self.lasting
    }
}

/// The explicit list of timed faults that a run executes, ordered by begin, then by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FaultPlan(Vec<PlannedFault>);

impl FaultPlan {
    /// A plan of these faults, brought into order.
    pub fn new(mut faults: Vec<PlannedFault>) -> Self {
        faults.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Self(faults)
    }

    /// The faults in order.
    pub fn faults(&self) -> &[PlannedFault] {
        &self.0
    }

    /// The same plan without the fault at `index`.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let mut faults = self.0.clone();
        faults.remove(index);
        Self(faults)
    }
}
