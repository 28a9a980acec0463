//! What people read, pinned: the console's summaries, a report's data, events in words, CSV files.

mod storm;

use storm::{calm, component, storm};
use windtunnel_record::{
    Digest, Event, Fields, Moment, Outcome, RunRecord, Seed, Text,
    event::{Ending, Refusal},
};
use windtunnel_reports::{
    console::{Finding, Style, run_summary, seed_line, sweep_summary},
    html::Page,
    json::{RunObject, SeedLine, SweepSummary},
    metrics,
    words::Narrator,
};

fn lines() -> Vec<SeedLine> {
    let seeded = |run: RunRecord, seed: u64, wall_ms: u64| {
        let mut line = SeedLine::of(&run, None);
        line.run.scenario = "shop".into();
        line.run.seed = Seed(seed);
        line.run.wall_ms = wall_ms;
        line
    };
    let mut stopped = storm();
    stopped.rules.clear();
    let what = "20 000 000 events".to_owned();
    let at = Moment::from_nanos(36_000 * storm::MILLI);
    stopped.events.push(windtunnel_record::Record {
        at,
        event: Event::Limit { what: what.into() },
    });
    vec![
        seeded(calm(), 0, 290),
        seeded(storm(), 1, 410),
        seeded(storm(), 2, 330),
        seeded(stopped, 3, 2_900),
        SeedLine::lost("shop", Seed(4), 120, "the worker was killed by signal 9"),
    ]
}

#[test]
fn the_summary_of_a_violated_run_ends_with_the_line_to_paste() {
    let text = run_summary(&storm(), ".windtunnel/runs/shop/42", Style::PLAIN);
    insta::assert_snapshot!(text);
}

#[test]
fn the_summary_of_a_calm_run_is_short() {
    insta::assert_snapshot!(run_summary(&calm(), "x", Style::PLAIN));
}

fn again(seed: Seed) -> String {
    format!("windtunnel run shop@{seed}")
}

#[test]
fn the_lines_and_the_summary_of_a_sweep_show_every_status() {
    let lines = lines();
    let mut text: String = lines
        .iter()
        .map(|line| seed_line(line, Style::PLAIN))
        .collect();
    text += &sweep_summary(
        &SweepSummary::from_lines(&lines),
        4_050,
        &[],
        again,
        Style::PLAIN,
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_finding_tells_how_it_was_confirmed_and_shrunk() {
    let finding = Finding {
        about: "no-double-charge: count(charged, by = order) = 2 (for order order-17)".into(),
        digest: Digest(0x51be_0c02 << 96),
        confirmations: 2,
        faults_before: 41,
        faults_left: 2,
        shrink_runs: 78,
        case: "'a sweep/shop-2.case.toml'".into(),
    };
    let lines = lines();
    let text = sweep_summary(
        &SweepSummary::from_lines(&lines),
        4_050,
        &[finding],
        again,
        Style::PLAIN,
    );
    let told: String = text
        .lines()
        .skip_while(|line| !line.contains("Found"))
        .fold(String::new(), |told, line| told + line + "\n");
    insta::assert_snapshot!(told);
}

#[test]
fn a_reports_data() {
    insta::assert_json_snapshot!(Page::of(&storm(), "shop@42"));
}

#[test]
fn the_json_object_of_a_run_has_its_stable_fields() {
    insta::assert_json_snapshot!(RunObject::of(&storm(), Some(".windtunnel/runs/shop/42")));
}

#[test]
fn events_in_words() {
    let mut run = storm();
    let connecting = Event::Connecting {
        connection: 7,
        from: 0,
        to: 2,
        port: 80,
    };
    run.events.push(windtunnel_record::Record {
        at: Moment::START,
        event: connecting.clone(),
    });
    let narrator = Narrator::new(&run);
    let text: String = [connecting]
        .into_iter()
        .chain(one_of_each())
        .chain(oddities())
        .map(|event| narrator.tell(&event) + "\n")
        .collect();
    insta::assert_snapshot!(text);
}

fn one_of_each() -> Vec<Event> {
    let text = |text: &str| Text::from(text);
    let (connection, operation, host) = (7, 17, 1);
    let later = Some(Moment::from_nanos(9));
    let fields = Fields::default()
        .with("order", "order-17")
        .with("cents", 4_900);
    let segment = |back, arrives, length| Event::Segment {
        connection,
        back,
        offset: 0,
        length,
        content: 0,
        last: true,
        arrives,
    };
    let disk = |action: &str| Event::Disk {
        host,
        action: action.into(),
        path: "/saga.log".into(),
        bytes: 1,
        content: 0,
    };
    vec![
        Event::Connected { connection },
        Event::NotConnected {
            connection,
            refusal: Refusal::Refused,
        },
        Event::NotConnected {
            connection: 99,
            refusal: Refusal::TimedOut,
        },
        segment(false, later, 1_200),
        segment(true, None, 1),
        Event::Retransmission {
            connection,
            back: true,
            attempt: 2,
            arrives: later,
        },
        Event::Probe {
            connection,
            back: false,
            attempt: 1,
            arrives: None,
        },
        Event::Reset {
            connection,
            back: false,
            arrives: None,
        },
        Event::Started {
            host,
            incarnation: 0,
        },
        Event::Started {
            host,
            incarnation: 1,
        },
        Event::Stopped {
            host,
            incarnation: 0,
            ending: Ending::PowerLost,
        },
        Event::Paused { host },
        Event::Resumed { host },
        Event::Panicked {
            host,
            spawned: text("main.rs:3:9"),
            message: text("index 4 of 3"),
        },
        Event::FaultBegan {
            fault: text("cut"),
            kind: text("partition"),
            hosts: vec![0, 1],
        },
        Event::FaultHit {
            fault: text("cut"),
            kind: text("partition"),
        },
        Event::FaultEnded { fault: text("cut") },
        disk("write"),
        disk("sync"),
        disk("truncate"),
        Event::DiskLost {
            host,
            path: text("/saga.log"),
            bytes: 4_096,
        },
        Event::DiskFailed {
            host,
            operation: text("sync"),
            path: text("/saga.log"),
            error: text("EIO"),
            lost: 512,
        },
        Event::DescriptorRefused {
            host,
            operation: text("accept"),
            limit: 1_024,
        },
        Event::OutOfMemory {
            host,
            used: 2_000_000,
            limit: 1_048_576,
        },
        Event::Stopped {
            host,
            incarnation: 2,
            ending: Ending::OutOfMemory,
        },
        Event::DiskFailed {
            host,
            operation: text("write"),
            path: text("/saga.log"),
            error: text("ENOSPC"),
            lost: 0,
        },
        Event::Invoked {
            operation,
            client: 3,
            name: text("checkout"),
            key: text("order-17"),
        },
        Event::Completed {
            operation,
            outcome: Outcome::Unknown,
            detail: text("504 after 1s"),
        },
        Event::Completed {
            operation: 999,
            outcome: Outcome::Ok,
            detail: Text::default(),
        },
        Event::Observed {
            host,
            name: text("charged"),
            fields,
        },
        component(0, "breaker", "orders-1", "opened", Fields::default()),
        Event::Sampled {
            host,
            gauge: text("queue-depth"),
            value: 12,
        },
        Event::Settling {},
        Event::Limit {
            what: text("20 000 000 events"),
        },
        Event::Refused {
            host,
            what: text("getrandom"),
        },
    ]
}

/// What is not of TCP: datagrams, look-ups, hosts cut off one by one.
fn oddities() -> Vec<Event> {
    let (host, other) = (0, 1);
    let datagram = |to: Option<u32>, copy: bool, arrives: Option<Moment>| Event::Datagram {
        from: host,
        from_port: 40_000,
        to,
        to_port: 53,
        length: 512,
        content: 0,
        copy,
        arrives,
    };
    let later = Some(Moment::from_nanos(5));
    let looked_up = |remembered: bool| Event::LookedUp {
        host,
        name: "stock".into(),
        answer: "10.0.0.3 10.0.0.4".into(),
        remembered,
    };
    let swizzled = |cut: bool| Event::Swizzled {
        fault: "swizzle".into(),
        host,
        cut,
    };
    vec![
        datagram(Some(other), false, later),
        datagram(Some(other), true, later),
        datagram(Some(other), false, None),
        datagram(None, false, None),
        Event::DatagramDropped {
            host,
            port: 53,
            length: 512,
        },
        Event::PortUnreachable { host, port: 53 },
        looked_up(false),
        looked_up(true),
        swizzled(true),
        swizzled(false),
    ]
}

#[test]
fn the_small_csv_files() {
    let files = metrics::files(&storm());
    let small = ["breakers.csv", "faults.csv"];
    let text: String = files
        .iter()
        .filter(|(name, _)| small.contains(&name.as_str()))
        .map(|(name, text)| format!("# {name}\n{text}"))
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn a_sweep_without_a_violation_but_with_an_abort_still_says_what_to_paste() {
    let lost = SeedLine::lost("shop", Seed(4), 120, "killed");
    let text = sweep_summary(
        &SweepSummary::from_lines(&[lost]),
        120,
        &[],
        again,
        Style::PLAIN,
    );
    assert!(text.ends_with("windtunnel run shop@4\n"), "{text}");
    let held = SeedLine::of(&calm(), None);
    let text = sweep_summary(
        &SweepSummary::from_lines(&[held]),
        310,
        &[],
        again,
        Style::PLAIN,
    );
    assert!(!text.contains("replay"), "{text}");
}

#[test]
fn the_order_of_a_sweeps_lines_does_not_change_its_numbers() {
    let mut lines = lines();
    lines.remove(0); // its scenario has fewer rules, so that the table's order would differ
    let forwards = SweepSummary::from_lines(&lines);
    lines.reverse();
    assert_eq!(SweepSummary::from_lines(&lines), forwards);
}

#[test]
fn colour_marks_the_status_and_names_cannot_steer_the_terminal() {
    let mut run = storm();
    run.about = "\x1b[2J gone\nHOLDS".into();
    run.rules[0].id = "bad\x1b]0;title\x07".into();
    let plain = run_summary(&run, "x", Style::PLAIN);
    assert!(
        !plain.contains('\x1b') && !plain.contains('\x07'),
        "{plain:?}"
    );
    let colored = run_summary(&run, "x", Style::COLORED);
    assert!(
        colored.contains("\x1b[31;1m  VIOLATED\x1b[0m"),
        "{colored:?}"
    );
    let stripped = ["\x1b[31;1m", "\x1b[33;1m", "\x1b[1m", "\x1b[0m"]
        .iter()
        .fold(colored, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}
