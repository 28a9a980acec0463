//! How sagas ended, over time.

use super::{
    Plot, Timeline,
    ink::{self, Dash, Stroke},
    lines::{peak, points},
    scale::Scale,
    sheet::{Layout, Sample, draw},
};
use crate::series;
use windtunnel_record::RunRecord;

const DONE: Stroke = Stroke::new(ink::GREEN, 5, Dash::Solid);
const UNDONE: Stroke = Stroke::new(ink::ORANGE, 4, Dash::Long);
const PARKED: Stroke = Stroke::new(ink::VERMILION, 4, Dash::Dots);

/// The plot, if any saga ended.
pub(super) fn plot(run: &RunRecord, timeline: &Timeline) -> Option<Plot> {
    let series = series::sagas(run);
    if series.is_empty() {
        return None;
    }
    let rows = [
        (DONE, "done", &series.done),
        (UNDONE, "undone", &series.undone),
        (PARKED, "parked", &series.parked),
    ]
    .map(|(stroke, name, counts)| {
        let total: u64 = counts.iter().sum();
        let rates: Vec<f64> = counts
            .iter()
            .map(|&count| series.grid.rate(count))
            .collect();
        (stroke, format!("{name} ({total})"), rates)
    });
    let title = "Saga outcomes";
    let layout = Layout {
        title,
        unit: "sagas per second",
        scale: Scale::linear(peak(rows.iter().map(|row| row.2.as_slice()))),
        height: 300,
        legend: rows
            .iter()
            .map(|row| Sample::Line(row.0, row.1.clone()))
            .collect(),
    };
    let svg = draw(timeline, layout, |sheet| {
        for (stroke, _, rates) in &rows {
            sheet.line(*stroke, &points(rates, |i| series.grid.middle(i)));
        }
        // A parked saga is rare and must not drown in a line along zero.
        for (index, &rate) in rows[2].2.iter().enumerate() {
            if rate > 0.0 {
                sheet.mark(PARKED.color, series.grid.middle(index), rate);
            }
        }
    });
    let caption = format!(
        "Sagas by how they ended, in buckets of {}, with totals. A parked saga waits for a person.",
        series.grid.width
    );
    Some(Plot {
        name: "sagas",
        title,
        caption,
        svg,
    })
}
