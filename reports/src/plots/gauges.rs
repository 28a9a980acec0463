//! A gauge over time, one line per host.

use super::{
    Plot, Timeline, ink,
    lines::{busiest, left_out},
    scale::Scale,
    sheet::{Layout, Sample, draw},
};
use crate::series::{self, GaugeTrack, Grid};
use std::collections::BTreeMap;
use windtunnel_record::RunRecord;

/// Which gauge is drawn, and how it is called.
pub(super) struct Shown {
    pub(super) gauge: &'static str,
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
}

/// The plot, if any reading was above zero.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline, shown: &Shown) -> Option<Plot> {
    let all: Vec<GaugeTrack> = series::gauge(run, shown.gauge)
        .into_iter()
        .filter(|track| track.peak() > 0)
        .collect();
    if all.is_empty() {
        return None;
    }
    let sum = |track: &GaugeTrack| track.readings.iter().map(|reading| reading.1 as f64).sum();
    let weights: Vec<f64> = all.iter().map(sum).collect();
    let tracks: Vec<_> = busiest(&weights).into_iter().map(|i| &all[i]).collect();
    let rows = || tracks.iter().zip(ink::SERIES);
    let peak = tracks.iter().map(|track| track.peak()).max().unwrap_or(0);
    let layout = Layout {
        title: shown.title,
        unit: shown.unit,
        scale: Scale::linear(peak as f64),
        height: 300,
        legend: rows()
            .map(|(track, stroke)| Sample::Line(stroke, track.host.clone()))
            .collect(),
    };
    let grid = Grid::over(run);
    let svg = draw(timeline, layout, |sheet| {
        for (track, stroke) in rows() {
            sheet.line(stroke, &peaks(track, &grid));
        }
    });
    let caption = format!(
        "The highest reading in each bucket of {}, on hosts where it was ever above zero.{}",
        grid.width,
        left_out(all.len(), tracks.len(), "hosts")
    );
    Some(Plot {
        name: shown.name,
        title: shown.title,
        caption,
        svg,
    })
}

/// The highest reading of each bucket that has one. A line through thousands of readings would be
/// neither readable nor small.
fn peaks(track: &GaugeTrack, grid: &Grid) -> Vec<(f64, f64)> {
    let mut peaks: BTreeMap<usize, i64> = BTreeMap::new();
    for &(at, value) in &track.readings {
        let peak = peaks.entry(grid.index_of(at)).or_insert(value);
        *peak = value.max(*peak);
    }
    let peaks = peaks.into_iter();
    peaks
        .map(|(bucket, value)| (grid.middle(bucket), value as f64))
        .collect()
}
