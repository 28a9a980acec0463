//! How the subsets of all callers cover the endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Endpoint;

/// How many callers each endpoint is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    connections: BTreeMap<Arc<str>, u64>,
}

impl Spread {
    /// Counts the subsets of all callers; one connection for each endpoint of each. An endpoint that is
    /// not among `all` is not counted.
    pub fn new(all: &[Endpoint], subsets: impl IntoIterator<Item = Vec<Endpoint>>) -> Self {
        let none = all.iter().map(|endpoint| (endpoint.name.clone(), 0));
        let mut connections: BTreeMap<_, _> = none.collect();
        for endpoint in subsets.into_iter().flatten() {
            if let Some(count) = connections.get_mut(&endpoint.name) {
                *count += 1;
            }
        }
        Self { connections }
    }

    /// The callers of each endpoint.
    pub const fn connections(&self) -> &BTreeMap<Arc<str>, u64> {
        &self.connections
    }

    /// The fewest callers an endpoint has.
    pub fn least(&self) -> u64 {
        self.connections.values().copied().min().unwrap_or(0)
    }

    /// The most callers an endpoint has.
    pub fn most(&self) -> u64 {
        self.connections.values().copied().max().unwrap_or(0)
    }

    /// The most over the mean: 1 if all have equally many. None without any connection.
    pub fn imbalance(&self) -> Option<f64> {
        let all: u64 = self.connections.values().sum();
        let mean = all as f64 / self.connections.len() as f64;
        (all > 0).then(|| self.most() as f64 / mean)
    }
}
