//! How many requests each endpoint answered.

use super::Grid;
use crate::vocabulary::answered_endpoint;
use serde::Serialize;
use std::collections::BTreeMap;
use windtunnel_record::RunRecord;

/// Answered requests of one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointLoad {
    /// The endpoint.
    pub endpoint: String,
    /// Requests in the whole run.
    pub total: u64,
    /// Requests per second, by bucket of [`Grid::over`].
    pub rates: Vec<f64>,
}

/// The load per endpoint, by name.
pub fn endpoints(run: &RunRecord) -> Vec<EndpointLoad> {
    let grid = Grid::over(run);
    let mut counts: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for record in &run.events {
        if let Some(endpoint) = answered_endpoint(&record.event) {
            let row = counts
                .entry(endpoint)
                .or_insert_with(|| vec![0; grid.count]);
            row[grid.index(record.at)] += 1;
        }
    }
    counts
        .into_iter()
        .map(|(endpoint, row)| EndpointLoad {
            endpoint: endpoint.into(),
            total: row.iter().sum(),
            rates: row.into_iter().map(|count| grid.rate(count)).collect(),
        })
        .collect()
}
