//! The files of a run directory: well-formed, escaped, complete, the same each time.

mod storm;

use std::collections::BTreeMap;
use storm::{HOSTILE, MILLI, calm, component, storm};
use windtunnel_record::{Event, Fields, HostInfo, Moment, Outcome, Record, RunRecord};
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
            *fault = fault.replace("zone", "<script>\"'&").into();
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

/// A storm on many hosts: forty faults, thirty breakers, twelve endpoints, twenty queues, and
/// thirty times the load.
fn wide() -> RunRecord {
    let mut run = storm();
    let hosts = (0..20).map(|index| HostInfo {
        name: format!("warehouse-{index}"),
        ..run.topology.hosts[1].clone()
    });
    run.topology.hosts.extend(hosts.collect::<Vec<_>>());
    let mut more: Vec<Record> = Vec::new();
    let mut put = |millis: u64, event| {
        let at = Moment::from_nanos(millis * MILLI);
        more.push(Record { at, event });
    };
    for index in 0..40_u64 {
        let (fault, kind) = (
            format!("flap/{index}"),
            ["crash", "slow", "errors"][index as usize % 3],
        );
        let (kind, hosts) = (kind.to_owned(), vec![4 + index as u32 % 20]);
        let from = index * 700;
        put(
            from,
            Event::FaultBegan {
                fault: fault.clone().into(),
                kind: kind.into(),
                hosts,
            },
        );
        put(
            from + 300 + index * 90,
            Event::FaultEnded {
                fault: fault.into(),
            },
        );
    }
    for index in 0..9_000_u64 {
        let endpoint = format!("warehouse-{}", index % 12);
        let fields = Fields::default().with("endpoint", endpoint.as_str());
        put(
            index * 3,
            component(0, "gateway", "gateway-0", "answered", fields),
        );
        let operation = 300 + index;
        let (name, key) = ("browse".to_owned(), format!("item-{index}"));
        put(
            index * 3,
            Event::Invoked {
                operation,
                client: 3,
                name: name.into(),
                key: key.into(),
            },
        );
        let (outcome, detail) = (Outcome::Ok, String::new());
        put(
            index * 3 + 2 + index % 97,
            Event::Completed {
                operation,
                outcome,
                detail: detail.into(),
            },
        );
        let (host, gauge) = (4 + index as u32 % 20, "queue-depth".to_owned());
        let value = (index * 7 % 40) as i64;
        put(
            index * 4,
            Event::Sampled {
                host,
                gauge: gauge.into(),
                value,
            },
        );
    }
    for index in 0..30_u64 {
        let (host, instance) = (
            4 + index as u32 % 20,
            format!("warehouse-{index}->payments-with-a-long-name"),
        );
        put(
            2_000 + index * 100,
            component(host, "breaker", &instance, "opened", Fields::default()),
        );
        put(
            9_000 + index * 300,
            component(host, "breaker", &instance, "closed", Fields::default()),
        );
    }
    run.events.extend(more);
    run.events.sort_by_key(|record| record.at);
    renumber(&mut run);
    run
}

/// Numbers operations in the order in which they were asked, as every history is.
fn renumber(run: &mut RunRecord) {
    let mut numbers = BTreeMap::new();
    for record in &mut run.events {
        match &mut record.event {
            Event::Invoked { operation, .. } => {
                let next = numbers.len() as u64;
                numbers.insert(*operation, next);
                *operation = next;
            }
            Event::Completed { operation, .. } => *operation = numbers[operation],
            _ => {}
        }
    }
}

#[test]
fn a_wide_run_stays_readable_and_small() {
    let run = wide();
    let files = files(&run);
    let page = &files["report.html"];
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("8 more are in the CSV file."), "breakers");
    assert!(page.contains("7 more endpoints are in the CSV file."));
    assert_eq!(files["metrics/faults.csv"].lines().count(), 44);
    assert_eq!(files["history.jsonl"].lines().count(), 9_300);
}
