//! Answers per second by outcome, against what was asked.

use super::{
    Plot, Timeline,
    ink::{self, Dash, Stroke},
    lines::{peak, points},
    scale::Scale,
    sheet::{Layout, Sample, draw},
};
use crate::series;
use windtunnel_record::RunRecord;

const ASKED: Stroke = Stroke::new(ink::GREY, 3, Dash::Dots);
const OK: Stroke = Stroke::new(ink::GREEN, 5, Dash::Solid);
const FAIL: Stroke = Stroke::new(ink::VERMILION, 4, Dash::Long);
const UNKNOWN: Stroke = Stroke::new(ink::PURPLE, 4, Dash::Short);

/// The plot, if anything was asked.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline) -> Option<Plot> {
    let series = series::throughput(run);
    if series.is_empty() {
        return None;
    }
    let rows = [
        (ASKED, "asked", &series.asked),
        (OK, "ok", &series.ok),
        (FAIL, "failed", &series.fail),
        (UNKNOWN, "unknown", &series.unknown),
    ];
    let title = "Throughput by outcome";
    let layout = Layout {
        title,
        unit: "operations per second",
        scale: Scale::linear(peak(rows.iter().map(|row| row.2.as_slice()))),
        height: 400,
        legend: rows
            .iter()
            .map(|row| Sample::Line(row.0, row.1.into()))
            .collect(),
    };
    let svg = draw(timeline, layout, |sheet| {
        for (stroke, _, values) in rows {
            sheet.line(stroke, &points(values, |i| series.grid.middle(i)));
        }
    });
    let caption = format!(
        "Answers when they came and questions when they were due, in buckets of {}.",
        series.grid.width
    );
    Some(Plot {
        name: "throughput",
        title,
        caption,
        svg,
    })
}
