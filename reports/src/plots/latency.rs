//! Latency percentiles over time, on a logarithmic axis.

use super::{
    Plot, Timeline,
    ink::{self, Dash, Stroke},
    scale::Scale,
    sheet::{Layout, Sample, draw},
};
use crate::series::{self, LatencyPoint};
use windtunnel_record::RunRecord;

/// A percentile: its stroke, its name, where it stands in a point.
type Row = (Stroke, &'static str, fn(&LatencyPoint) -> f64);

const ROWS: [Row; 4] = [
    (
        Stroke::new(ink::VERMILION, 3, Dash::Dots),
        "longest",
        |point| point.max,
    ),
    (Stroke::new(ink::ORANGE, 4, Dash::Short), "p99", |point| {
        point.p99
    }),
    (Stroke::new(ink::SKY, 4, Dash::Long), "p90", |point| {
        point.p90
    }),
    (Stroke::new(ink::BLUE, 5, Dash::Solid), "p50", |point| {
        point.p50
    }),
];

/// The plot, if anything was answered.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline) -> Option<Plot> {
    let series = series::latency(run);
    if series.points.is_empty() {
        return None;
    }
    let values = series
        .points
        .iter()
        .flat_map(|point| [point.p50, point.max]);
    let title = "Latency";
    let layout = Layout {
        title,
        unit: "latency (log scale)",
        scale: Scale::log(values),
        height: 440,
        legend: ROWS.map(|row| Sample::Line(row.0, row.1.into())).into(),
    };
    let svg = draw(timeline, layout, |sheet| {
        for (stroke, _, value) in ROWS {
            // Buckets without answers leave a gap in the line.
            for stretch in series.points.chunk_by(|a, b| b.bucket == a.bucket + 1) {
                let place = |point: &LatencyPoint| (series.grid.middle(point.bucket), value(point));
                let points: Vec<_> = stretch.iter().map(place).collect();
                sheet.line(stroke, &points);
            }
        }
    });
    let caption = format!(
        "From the instant an operation was due to its answer of whatever outcome, drawn where it \
         was due, in buckets of {}.",
        series.grid.width
    );
    Some(Plot {
        name: "latency",
        title,
        caption,
        svg,
    })
}
