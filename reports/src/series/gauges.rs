//! What the harness read off each host: waiting work, busy cores.

use serde::Serialize;
use std::collections::BTreeMap;
use windtunnel_record::{Event, Moment, RunRecord};

/// One gauge of one host. It is zero at first, and a value holds until the next reading: only
/// changes are recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GaugeTrack {
    /// The host.
    pub host: String,
    /// When the value was found changed, and what it was then.
    pub readings: Vec<(Moment, i64)>,
}

impl GaugeTrack {
    /// The highest reading.
    pub fn peak(&self) -> i64 {
        self.readings
            .iter()
            .map(|reading| reading.1)
            .max()
            .unwrap_or(0)
    }
}

/// The readings of the gauge called `name`, by host in the topology's order.
pub fn gauge(run: &RunRecord, name: &str) -> Vec<GaugeTrack> {
    let mut tracks: BTreeMap<u32, Vec<(Moment, i64)>> = BTreeMap::new();
    for record in &run.events {
        if let Event::Sampled { host, gauge, value } = &record.event
            && gauge == name
        {
            let track = tracks.entry(*host).or_default();
            track.push((record.at, *value));
        }
    }
    tracks
        .into_iter()
        .map(|(host, readings)| GaugeTrack {
            host: run.topology.name(host).into(),
            readings,
        })
        .collect()
}
