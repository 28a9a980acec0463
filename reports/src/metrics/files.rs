//! The series of a run as CSV files with a header line, times in seconds since its start.

use crate::{
    series::{self, Grid},
    vocabulary::{CORES_BUSY, QUEUE_DEPTH},
};
use std::{collections::BTreeMap, fmt::Write};
use windtunnel_record::{Moment, RunRecord};

/// All files as name and contents. A series without data is a header line alone, so that a reader
/// finds the same files in every run directory.
pub fn files(run: &RunRecord) -> Vec<(String, String)> {
    [
        ("throughput.csv", throughput(run)),
        ("latency.csv", latency(run)),
        ("breakers.csv", breakers(run)),
        ("endpoints.csv", endpoints(run)),
        ("sagas.csv", sagas(run)),
        ("queues.csv", queues(run)),
        ("faults.csv", faults(run)),
    ]
    .map(|(name, text)| (name.into(), text))
    .into()
}

/// A text as a CSV field: quoted if it has to be (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

fn table(header: &str, lines: impl IntoIterator<Item = String>) -> String {
    let mut text = format!("{header}\n");
    for line in lines {
        writeln!(text, "{line}").expect("writing to a string cannot fail");
    }
    text
}

fn throughput(run: &RunRecord) -> String {
    let series = series::throughput(run);
    let lines = (0..series.grid.count).map(|i| {
        let at = series.grid.start(i);
        let (asked, ok) = (series.asked[i], series.ok[i]);
        format!("{at},{asked},{ok},{},{}", series.fail[i], series.unknown[i])
    });
    table(
        "seconds,asked_per_s,ok_per_s,fail_per_s,unknown_per_s",
        lines,
    )
}

fn latency(run: &RunRecord) -> String {
    let series = series::latency(run);
    let lines = series.points.iter().map(|point| {
        let at = series.grid.start(point.bucket);
        let (count, p50, p90) = (point.count, point.p50, point.p90);
        format!("{at},{count},{p50},{p90},{},{}", point.p99, point.max)
    });
    table("seconds,answers,p50_ms,p90_ms,p99_ms,max_ms", lines)
}

fn breakers(run: &RunRecord) -> String {
    let tracks = series::breakers(run);
    let lines = tracks.iter().flat_map(|track| {
        let name = format!("{},{}", quoted(&track.host), quoted(&track.instance));
        track.spans.iter().map(move |span| {
            let (from, to) = (span.from.as_secs_f64(), span.to.as_secs_f64());
            format!("{name},{from},{to},{}", span.state.word())
        })
    });
    table("host,breaker,from_s,to_s,state", lines)
}

fn endpoints(run: &RunRecord) -> String {
    let grid = Grid::over(run);
    let loads = series::endpoints(run);
    let lines = loads.iter().flat_map(|load| {
        let name = quoted(&load.endpoint);
        load.rates
            .iter()
            .enumerate()
            .map(move |(i, rate)| format!("{name},{},{rate}", grid.start(i)))
    });
    table("endpoint,seconds,answered_per_s", lines)
}

fn sagas(run: &RunRecord) -> String {
    let series = series::sagas(run);
    let lines = (0..series.grid.count).map(|i| {
        let at = series.grid.start(i);
        format!(
            "{at},{},{},{}",
            series.done[i], series.undone[i], series.parked[i]
        )
    });
    table("seconds,done,undone,parked", lines)
}

/// One line per host and instant at which a gauge changed, with both gauges as they were then.
fn queues(run: &RunRecord) -> String {
    let mut rows: BTreeMap<(String, Moment), [Option<i64>; 2]> = BTreeMap::new();
    for (column, name) in [QUEUE_DEPTH, CORES_BUSY].into_iter().enumerate() {
        for track in series::gauge(run, name) {
            for (at, value) in track.readings {
                rows.entry((track.host.clone(), at)).or_default()[column] = Some(value);
            }
        }
    }
    let mut host_before = String::new();
    let mut values = [0; 2];
    let lines = rows.into_iter().map(|((host, at), changed)| {
        if host != host_before {
            values = [0; 2];
            host_before.clone_from(&host);
        }
        for (value, changed) in values.iter_mut().zip(changed) {
            *value = changed.unwrap_or(*value);
        }
        let [depth, busy] = values;
        format!("{},{},{depth},{busy}", quoted(&host), at.as_secs_f64())
    });
    table("host,seconds,queue_depth,cores_busy", lines)
}

fn faults(run: &RunRecord) -> String {
    let bands = series::faults(run);
    let lines = bands.iter().map(|band| {
        let (from, to) = (band.from.as_secs_f64(), band.to.as_secs_f64());
        let hit = band.hit.map(|at| at.as_secs_f64().to_string());
        let names = format!("{},{}", quoted(&band.id), quoted(&band.kind));
        let hosts = quoted(&band.hosts.join(" "));
        format!("{names},{from},{to},{hosts},{}", hit.unwrap_or_default())
    });
    table("id,kind,from_s,to_s,hosts,first_hit_s", lines)
}
