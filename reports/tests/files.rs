//! The files of a run directory: well-formed, escaped, complete, the same each time.

mod storm;

use std::collections::BTreeMap;
use storm::{HOSTILE, calm, storm};
use windtunnel_record::{Event, RunRecord};
use windtunnel_reports::{
    directory::render,
    json::{RunObject, SeedLine},
    plots::plots,
};

fn files(run: &RunRecord) -> BTreeMap<String, String> {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let files = render(run, "shop@42").into_iter();
    files.map(|(path, bytes)| (path, text(bytes))).collect()
}

/// The storm with a name in it that is an attack on every format.
fn hostile() -> RunRecord {
    let mut run = storm();
    run.about = "<img src=x onerror=alert(1)>".into();
    run.topology.hosts[1].name = "orders,\"0\"<script>".into();
    for record in &mut run.events {
        if let Event::FaultBegan { fault, .. } | Event::FaultEnded { fault } = &mut record.event {
            *fault = fault.replace("zone", "<script>\"'&");
        }
    }
    run
}

#[test]
fn a_run_directory_gets_all_its_files() {
    let files = files(&storm());
    let paths: Vec<_> = files.keys().map(String::as_str).collect();
    let expected = [
        "checks.json",
        "history.jsonl",
        "metrics/breakers.csv",
        "metrics/endpoints.csv",
        "metrics/faults.csv",
        "metrics/latency.csv",
        "metrics/queues.csv",
        "metrics/sagas.csv",
        "metrics/throughput.csv",
        "plots/breakers.svg",
        "plots/cores.svg",
        "plots/endpoints.svg",
        "plots/latency.svg",
        "plots/queues.svg",
        "plots/sagas.svg",
        "plots/throughput.svg",
        "report.html",
    ];
    assert_eq!(paths, expected);
    assert_eq!(files["history.jsonl"].lines().count(), 300);
}

#[test]
fn equal_runs_give_equal_bytes_however_long_they_took() {
    let slower = RunRecord {
        wall_ms: 99_999,
        ..storm()
    };
    assert_eq!(render(&storm(), "x"), render(&slower, "x"));
}

#[test]
fn a_run_without_events_still_renders() {
    let files = files(&calm());
    assert!(!files.keys().any(|path| path.starts_with("plots/")));
    assert!(files["report.html"].contains("Every rule held."));
    assert_eq!(files["metrics/latency.csv"].lines().count(), 1);
}

#[test]
fn every_plot_is_well_formed_xml_also_with_hostile_names() {
    for run in [storm(), hostile()] {
        let plots = plots(&run);
        assert_eq!(plots.len(), 7);
        for plot in plots {
            let document = roxmltree::Document::parse(&plot.svg);
            let document = document.unwrap_or_else(|error| panic!("{}: {error}", plot.name));
            let title = document.root_element().first_element_child();
            assert_eq!(title.and_then(|title| title.text()), Some(plot.title));
        }
    }
}

#[test]
fn every_plot_shades_every_fault_where_it_was() {
    for plot in plots(&storm()) {
        let document = roxmltree::Document::parse(&plot.svg).expect("XML");
        let number = |node: &roxmltree::Node<'_, '_>, name| -> f64 {
            let text = node.attribute(name).expect("a rectangle has its place");
            text.parse().expect("a number")
        };
        let bands: Vec<_> = document
            .descendants()
            .filter(|node| node.has_tag_name("rect") && node.attribute("opacity") == Some("0.16"))
            .map(|node| (number(&node, "x"), number(&node, "width")))
            .collect();
        let [partition, crash, reset] = bands[..] else {
            panic!("{}: {bands:?}", plot.name);
        };
        // 8 s to 13 s, 11 s to 15 s, and an instant at 20 s: one scale must fit all of them.
        let second = (crash.0 - partition.0) / 3.0;
        let near =
            |found: f64, expected: f64| assert!((found - expected).abs() <= 3.0, "{bands:?}");
        near(partition.1, 5.0 * second);
        near(crash.1, 4.0 * second);
        near(reset.0, partition.0 + 12.0 * second);
        assert!((1.0..20.0).contains(&reset.1), "{bands:?}");
        for label in ["partition zone-b-gone", "crash orders-flap/0", "reset"] {
            assert!(plot.svg.contains(label), "{}: {label}", plot.name);
        }
    }
}

#[test]
fn the_page_escapes_what_a_run_says() {
    let page = &files(&storm())["report.html"];
    assert!(!page.contains(HOSTILE) && !page.contains("<script>alert"));
    assert!(
        page.contains("&#60;script&#62;alert"),
        "it is shown as text"
    );
    let page = &files(&hostile())["report.html"];
    assert_eq!(page.matches("<script>").count(), 1, "the page's own");
    assert!(!page.contains("<img"));
}

#[test]
fn the_page_needs_no_network_and_stays_small() {
    let page = &files(&storm())["report.html"];
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let foreign = page.match_indices("http").filter(|(at, _)| {
        let rest = &page[*at..];
        !rest.starts_with("http-equiv") && !rest.starts_with("http://www.w3.org/2000/svg")
    });
    assert_eq!(foreign.count(), 0);
    for needed in [
        "windtunnel replay shop@42",
        "seed 42",
        "9f3c1a77",
        "0.1.0",
        "no-double-charge",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
}

#[test]
fn csv_fields_with_commas_and_quotes_are_quoted() {
    let faults = &files(&hostile())["metrics/faults.csv"];
    assert!(
        faults.contains("\"gateway-0 orders,\"\"0\"\"<script> orders-1 shoppers\""),
        "{faults}"
    );
}

#[test]
fn a_seed_line_reads_back_as_it_was_written() {
    for line in [
        SeedLine::of(&storm(), Some("d")),
        SeedLine::of(&calm(), None),
    ] {
        let text = serde_json::to_string(&line).expect("it serialises");
        assert!(!text.contains('\n'));
        let read: SeedLine = serde_json::from_str(&text).expect("it reads");
        assert_eq!(read, line);
    }
}

#[test]
fn the_fields_of_the_run_object_keep_their_order() {
    let text = serde_json::to_string(&RunObject::of(&storm(), None)).expect("it serialises");
    let places: Vec<_> = [
        "scenario",
        "seed",
        "digest",
        "verdict",
        "simulated_ms",
        "wall_ms",
        "events",
        "requests",
        "directory",
        "checks",
        "metrics",
        "success",
        "p50_ms",
        "p99_ms",
        "p999_ms",
        "throughput_rps",
    ]
    .iter()
    .map(|name| {
        text.find(&format!("\"{name}\":"))
            .unwrap_or_else(|| panic!("{name}: {text}"))
    })
    .collect();
    assert!(places.is_sorted(), "{text}");
}

/// Writes the storm's files where `REPORT_DIR` says, to look at them; without it, it only renders.
#[test]
fn tmp_write() {
    if let Ok(dir) = std::env::var("REPORT_DIR") {
        for (path, bytes) in render(&storm(), "shop@42") {
            let path = std::path::Path::new(&dir).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}
