//! The files that a run directory gets from this crate, as names and contents.

use crate::{html, metrics, plots::plots};
use serde::Serialize;
use windtunnel_record::RunRecord;

/// Paths relative to the run directory, with `/`, and what the files hold: `report.html`,
/// `plots/*.svg` (those for which there are data), `metrics/*.csv`, `checks.json`, `history.jsonl`.
/// `replay` is what stands after `windtunnel replay` to have the run again.
pub fn render(run: &RunRecord, replay: &str) -> Vec<(String, Vec<u8>)> {
    let plots = plots(run);
    let mut files = vec![
        ("checks.json".into(), checks(run)),
        ("history.jsonl".into(), history(run)),
    ];
    for (name, text) in metrics::files(run) {
        files.push((format!("metrics/{name}"), text.into_bytes()));
    }
    let page = html::Page::of(run, replay);
    files.push(("report.html".into(), page.render(&plots).into_bytes()));
    for plot in plots {
        files.push((format!("plots/{}.svg", plot.name), plot.svg.into_bytes()));
    }
    files
}

const SERIALISES: &str = "plain data serialises";

fn checks(run: &RunRecord) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(&run.rules).expect(SERIALISES);
    text.push(b'\n');
    text
}

fn history(run: &RunRecord) -> Vec<u8> {
    fn line(text: &mut Vec<u8>, value: &impl Serialize) {
        serde_json::to_writer(&mut *text, value).expect(SERIALISES);
        text.push(b'\n');
    }
    let mut text = Vec::new();
    for operation in &run.history().operations {
        line(&mut text, operation);
    }
    text
}
