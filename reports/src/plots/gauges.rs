//! A gauge over time, one line per host.

use super::{
    Plot, Timeline, ink,
    lines::{busiest, left_out},
    scale::Scale,
    sheet::{Layout, Sample, draw},
};
use crate::series::{self, GaugeTrack, Grid};
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
    let grid = Grid::over(run);
    let sum = |track: &GaugeTrack| peaks(track, &grid).iter().map(|peak| peak.1).sum();
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
    let svg = draw(timeline, layout, |sheet| {
        for (track, stroke) in rows() {
            sheet.line(stroke, &peaks(track, &grid));
        }
    });
    let caption = format!(
        "The highest value in each bucket of {}, on hosts where it was ever above zero.{}",
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

/// The highest value in each bucket, up to the last one of the run. A line through thousands of
/// readings would be neither readable nor small.
fn peaks(track: &GaugeTrack, grid: &Grid) -> Vec<(f64, f64)> {
    let mut readings = track.readings.iter().peekable();
    let mut value = 0;
    let peaks = (0..grid.count).map(|bucket| {
        // What was read last still holds when the bucket begins.
        let mut peak = value;
        while let Some(reading) = readings.next_if(|reading| grid.index(reading.0) <= bucket) {
            value = reading.1;
            peak = peak.max(value);
        }
        (grid.middle(bucket), peak as f64)
    });
    peaks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use windtunnel_record::{Moment, Span};

    #[test]
    fn a_value_holds_until_the_next_reading_and_a_peak_is_not_lost() {
        let second = |at| Moment::START + Span::from_secs(at);
        let track = GaugeTrack {
            host: "a".into(),
            readings: vec![(second(10), 7), (second(11), 3), (second(40), 0)],
        };
        let grid = Grid {
            width: Span::from_secs(10),
            count: 6,
        };
        let values: Vec<_> = peaks(&track, &grid).iter().map(|peak| peak.1).collect();
        assert_eq!(values, [0.0, 7.0, 3.0, 3.0, 3.0, 0.0]);
    }
}
