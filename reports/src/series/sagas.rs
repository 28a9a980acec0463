//! How sagas ended, over time.

use super::Grid;
use crate::vocabulary::{SagaEnd, saga_end};
use serde::Serialize;
use windtunnel_record::RunRecord;

/// Sagas that ended, counted per bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sagas {
    /// The buckets.
    pub grid: Grid,
    /// Finished with every effect in place.
    pub done: Vec<u64>,
    /// Finished with every effect undone.
    pub undone: Vec<u64>,
    /// Left for a person.
    pub parked: Vec<u64>,
}

impl Sagas {
    /// Whether no saga ended in the whole run.
    pub fn is_empty(&self) -> bool {
        [&self.done, &self.undone, &self.parked]
            .iter()
            .all(|row| row.iter().all(|&count| count == 0))
    }
}

/// The saga outcomes of a run.
pub fn sagas(run: &RunRecord) -> Sagas {
    let grid = Grid::over(run);
    let mut sagas = Sagas {
        grid,
        done: vec![0; grid.count],
        undone: vec![0; grid.count],
        parked: vec![0; grid.count],
    };
    for record in &run.events {
        if let Some(end) = saga_end(&record.event) {
            let row = match end {
                SagaEnd::Done => &mut sagas.done,
                SagaEnd::Undone => &mut sagas.undone,
                SagaEnd::Parked => &mut sagas.parked,
            };
            row[grid.index(record.at)] += 1;
        }
    }
    sagas
}
