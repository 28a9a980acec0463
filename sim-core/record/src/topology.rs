//! The hosts of a run, numbered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a host before the run begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HostInfo {
    /// Its name, unique in the run, also its name on the network: `orders-2`.
    pub name: String,
    /// The service it runs: `orders`.
    pub service: String,
    /// Which replica of that service, from 0.
    pub replica: u32,
    /// The zone it stands in.
    pub zone: String,
    /// What it is for: `service`, `gateway`, `client`.
    pub role: String,
}

/// All hosts; a host's position is its number in events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Topology {
    /// The hosts by number.
    pub hosts: Vec<HostInfo>,
}

impl Topology {
    /// The host's name, or `?` for a number that is none.
    pub fn name(&self, host: u32) -> &str {
        self.hosts.get(host as usize).map_or("?", |info| &info.name)
    }

    /// The number of the host called `name`.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.hosts
            .iter()
            .position(|info| info.name == name)
            .map(|index| index as u32)
    }
}
