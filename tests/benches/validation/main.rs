//! Holds the simulation against theory at full length, and writes what came out: VALIDATION.md, its
//! plots, and the figures behind them.
//!
//! `cargo bench -p windtunnel-tests --bench validation` measures all laws;
//! `… --bench validation -- mm1 hedging` measures these anew and leaves the others as they were.
//! Each law is written down as soon as it is measured, so nothing is lost when the rest is called off.

mod page;
mod plot;
mod progress;

use std::{env, path::Path, process::ExitCode};
use windtunnel_tests::validation::{
    law::{Law, Measured},
    laws,
    record::{self, Recorded},
};

fn main() -> ExitCode {
    let laws = laws();
    // Cargo itself adds `--bench`.
    let asked: Vec<_> = env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    if let Some(unknown) = asked
        .iter()
        .find(|id| laws.iter().all(|law| law.id != **id))
    {
        let known: Vec<_> = laws.iter().map(|law| law.id).collect();
        eprintln!("no law is called {unknown}; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut recorded = Recorded::read(root).expect("what was measured before is understood");
    let mut disagreeing = 0;
    for law in &laws {
        if asked.is_empty() || asked.iter().any(|id| id == law.id) {
            let measured = measure(law);
            disagreeing += measured.iter().flat_map(Measured::disagreeing).count();
            recorded.replace(law, measured);
            recorded.write(root).expect("the package can be written");
            publish(root, &laws, &recorded).expect("the page can be written");
        }
    }
    println!("{disagreeing} figures disagree with theory");
    ExitCode::from(u8::from(disagreeing > 0))
}

fn measure(law: &Law) -> Vec<Measured> {
    let cases = law.cases.iter();
    let measured = cases.map(|case| {
        let progress = progress::Progress::new(format!("{}: {}", law.id, case.name));
        let measured = case.measure(law, case.full, &|done, all| progress.say(done, all));
        progress.end();
        for figure in measured.disagreeing() {
            println!("{}, {}: {figure:?}", law.id, case.name);
        }
        measured
    });
    measured.collect()
}

/// Writes the page and its plots.
fn publish(root: &Path, laws: &[Law], recorded: &Recorded) -> std::io::Result<()> {
    let plots = root.join(record::FOLDER);
    for law in laws {
        let Some(described) = &law.plot else { continue };
        let lines = recorded.of(law).flat_map(|case| &case.outcome.lines);
        let lines: Vec<_> = lines.collect();
        if !lines.is_empty() {
            let svg = plot::lines(described, &lines);
            std::fs::write(plots.join(format!("{}.svg", law.id)), svg)?;
        }
    }
    let cases: Vec<_> = laws.iter().flat_map(|law| recorded.of(law)).collect();
    let intervals = plot::intervals(&cases);
    std::fs::write(plots.join(page::INTERVALS), intervals)?;
    std::fs::write(root.join("../VALIDATION.md"), page::page(laws, recorded))
}
