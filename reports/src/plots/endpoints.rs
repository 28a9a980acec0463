//! Answered requests per second and endpoint: whether the balancer shares the work.

use super::{
    Plot, Timeline, ink,
    lines::{busiest, left_out, peak, points},
    scale::Scale,
    sheet::{Layout, Sample, draw},
};
use crate::series::{self, Grid};
use windtunnel_record::RunRecord;

/// The plot, if any endpoint answered.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline) -> Option<Plot> {
    let grid = Grid::over(run);
    let all = series::endpoints(run);
    if all.is_empty() {
        return None;
    }
    let weights: Vec<f64> = all.iter().map(|load| load.total as f64).collect();
    let shown: Vec<_> = busiest(&weights).into_iter().map(|i| &all[i]).collect();
    let rows = || shown.iter().zip(ink::SERIES);
    let title = "Load per endpoint";
    let layout = Layout {
        title,
        unit: "answers per second",
        scale: Scale::linear(peak(shown.iter().map(|load| load.rates.as_slice()))),
        height: 360,
        legend: rows()
            .map(|(load, stroke)| Sample::Line(stroke, load.endpoint.clone()))
            .collect(),
    };
    let svg = draw(timeline, layout, |sheet| {
        for (load, stroke) in rows() {
            sheet.line(stroke, &points(&load.rates, |i| grid.middle(i)));
        }
    });
    let caption = format!(
        "Requests that each endpoint answered, in buckets of {}.{}",
        grid.width,
        left_out(all.len(), shown.len(), "endpoints")
    );
    Some(Plot {
        name: "endpoints",
        title,
        caption,
        svg,
    })
}
