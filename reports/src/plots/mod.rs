//! Plots as SVG, one file per question. Every time axis is in simulated seconds since the start of
//! the run and carries the faults as shaded bands.

mod breakers;
mod cores;
mod endpoints;
mod gauges;
mod ink;
mod latency;
mod lines;
mod queues;
mod sagas;
mod scale;
mod sheet;
mod tags;
mod throughput;
mod timeline;

use windtunnel_record::RunRecord;

pub use timeline::Timeline;

/// A finished plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// What it shows, also its file name without `.svg`.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// How to read it, in a sentence.
    pub caption: String,
    /// The SVG document.
    pub svg: String,
}

/// All plots for which the run has data, in the order of a report.
pub fn plots(run: &RunRecord) -> Vec<Plot> {
    let timeline = Timeline::of(run);
    [
        throughput::plot(run, &timeline),
        latency::plot(run, &timeline),
        breakers::plot(run, &timeline),
        endpoints::plot(run, &timeline),
        sagas::plot(run, &timeline),
        queues::plot(run, &timeline),
        cores::plot(run, &timeline),
    ]
    .into_iter()
    .flatten()
    .collect()
}
