//! What went wrong on purpose, when, and whether it hit a request in flight.

use serde::Serialize;
use windtunnel_record::{Event, Moment, RunRecord};

/// A fault that really happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultBand {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// The hosts it touched.
    pub hosts: Vec<String>,
    /// When it began.
    pub from: Moment,
    /// When it ended; the end of the run if it never did.
    pub to: Moment,
    /// When it first touched a request in flight.
    pub hit: Option<Moment>,
}

impl FaultBand {
    /// Kind and id in one short label.
    pub fn label(&self) -> String {
        if self.id.contains(&self.kind) {
            self.id.clone()
        } else {
            format!("{} {}", self.kind, self.id)
        }
    }
}

/// The faults of a run in the order in which they began.
pub fn faults(run: &RunRecord) -> Vec<FaultBand> {
    let end = Moment::START + run.simulated;
    let mut bands: Vec<FaultBand> = Vec::new();
    let mut running: Vec<usize> = Vec::new();
    for record in &run.events {
        match &record.event {
            Event::FaultBegan { fault, kind, hosts } => {
                running.push(bands.len());
                bands.push(FaultBand {
                    id: fault.to_string(),
                    kind: kind.to_string(),
                    hosts: hosts
                        .iter()
                        .map(|&host| run.topology.name(host).into())
                        .collect(),
                    from: record.at,
                    to: end.max(record.at),
                    hit: None,
                });
            }
            Event::FaultEnded { fault } => {
                if let Some(place) = running.iter().rposition(|&index| bands[index].id == *fault) {
                    bands[running.remove(place)].to = record.at;
                }
            }
            Event::FaultHit { fault, .. } => {
                // A fault's effect may be felt after its end: a lost packet is missed later.
                if let Some(band) = bands.iter_mut().rev().find(|band| band.id == *fault) {
                    band.hit.get_or_insert(record.at);
                }
            }
            _ => {}
        }
    }
    bands
}
