//! The shapes of partitions: who reaches whom while one lasts.

use crate::target::Targets;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of a partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Partition {
    /// Groups that cannot reach each other; hosts in no group reach everybody.
    Split(Vec<Targets>),
    /// Packets from one side to the other vanish; the other direction works.
    OneWay {
        /// Whose packets vanish.
        from: Targets,
        /// For whom they were meant.
        to: Targets,
    },
    /// One of these hosts, drawn, is cut off from everybody. A plan names that one.
    IsolateOne(Targets),
    /// The hosts fall into two halves that cannot reach each other, but for one that reaches both. Who
    /// that is is drawn; a plan names it first, then the one half and then the other.
    Bridge(Targets),
    /// Every host reaches a majority of these hosts, and no two of them the same one. Their places in
    /// the ring are drawn; a plan names them in that order.
    MajorityRing(Targets),
    /// The hosts are cut off from everybody one by one in the first third of the fault, and healed one
    /// by one in another order in its last third.
    Swizzle {
        /// The hosts; in a plan in the order in which they are cut off.
        target: Targets,
        /// The same hosts in the order in which they are healed; drawn when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        healed: Option<Targets>,
    },
}

impl Partition {
    /// The least number of hosts with which it differs from nothing.
    pub const fn least_hosts(&self) -> usize {
        match self {
            Self::Split(_) | Self::OneWay { .. } | Self::IsolateOne(_) | Self::Swizzle { .. } => 1,
            Self::Bridge(_) | Self::MajorityRing(_) => 3,
        }
    }

    /// The lists of targets in it.
    pub fn targets(&self) -> Vec<&Targets> {
        match self {
            Self::Split(groups) => groups.iter().collect(),
            Self::OneWay { from, to } => vec![from, to],
            Self::IsolateOne(hosts) | Self::Bridge(hosts) | Self::MajorityRing(hosts) => {
                vec![hosts]
            }
            Self::Swizzle { target, healed } => {
                let mut lists = vec![target];
                lists.extend(healed);
                lists
            }
        }
    }

    /// The same, to be changed.
    pub fn targets_mut(&mut self) -> Vec<&mut Targets> {
        match self {
            Self::Split(groups) => groups.iter_mut().collect(),
            Self::OneWay { from, to } => vec![from, to],
            Self::IsolateOne(hosts) | Self::Bridge(hosts) | Self::MajorityRing(hosts) => {
                vec![hosts]
            }
            Self::Swizzle { target, healed } => {
                let mut lists = vec![target];
                lists.extend(healed);
                lists
            }
        }
    }
}
