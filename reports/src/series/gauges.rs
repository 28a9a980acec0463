//! What the harness read off each host: waiting work, busy cores.

use serde::Serialize;
use std::collections::BTreeMap;
use windtunnel_record::{Event, RunRecord};

/// One gauge of one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GaugeTrack {
    /// The host.
    pub host: String,
    /// Seconds since the start of the run, and the value read there.
    pub readings: Vec<(f64, i64)>,
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
    let mut tracks: BTreeMap<u32, Vec<(f64, i64)>> = BTreeMap::new();
    for record in &run.events {
        if let Event::Sampled { host, gauge, value } = &record.event
            && gauge == name
        {
            let track = tracks.entry(*host).or_default();
            track.push((record.at.as_secs_f64(), *value));
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
