//! The series say what the events say: nothing is lost, doubled or moved.

mod storm;

use storm::{MILLI, calm, storm};
use windtunnel_record::{Event, Moment, Outcome, Record, Span};
use windtunnel_reports::{metrics, metrics::Summary, series, vocabulary::QUEUE_DEPTH};

fn count(rates: &[f64], width: Span) -> u64 {
    let total: f64 = rates.iter().sum();
    (total * width.as_secs_f64()).round() as u64
}

#[test]
fn throughput_holds_every_question_and_every_answer_once() {
    let run = storm();
    let throughput = series::throughput(&run);
    let width = throughput.grid.width;
    assert_eq!(width, Span::from_millis(500), "36 s in at most 90 buckets");
    let answers = |wanted| {
        let operations = run.history().operations;
        let answered = operations.iter().filter(|one| one.outcome == Some(wanted));
        answered.count() as u64
    };
    assert_eq!(count(&throughput.asked, width), 300);
    assert_eq!(count(&throughput.ok, width), answers(Outcome::Ok));
    assert_eq!(count(&throughput.fail, width), answers(Outcome::Fail));
    assert_eq!(count(&throughput.unknown, width), answers(Outcome::Unknown));
}

#[test]
fn latency_stands_where_the_operation_was_due_not_where_it_ended() {
    let latency = series::latency(&storm());
    let answers: u64 = latency.points.iter().map(|point| point.count).sum();
    assert_eq!(answers, 299, "all but the pending one");
    let slow = latency.points.iter().filter(|point| point.max > 900.0);
    let slow: Vec<f64> = slow.map(|point| latency.grid.start(point.bucket)).collect();
    assert!(slow.iter().all(|at| (8.0..15.0).contains(at)), "{slow:?}");
    for point in &latency.points {
        assert!(point.p50 <= point.p90 && point.p90 <= point.p99 && point.p99 <= point.max);
    }
}

#[test]
fn endpoints_and_sagas_add_up_to_the_events() {
    let run = storm();
    let loads = series::endpoints(&run);
    let totals: Vec<_> = loads
        .iter()
        .map(|load| (load.endpoint.as_str(), load.total))
        .collect();
    // Of the 299 answers, orders-1 has the 150 even ones without the 35 of the troubled time.
    assert_eq!(totals, [("orders-0", 184), ("orders-1", 115)]);
    let sagas = series::sagas(&run);
    let sum = |row: &[u64]| row.iter().sum::<u64>();
    assert_eq!(
        (sum(&sagas.done), sum(&sagas.undone), sum(&sagas.parked)),
        (271, 13, 1)
    );
}

#[test]
fn a_fault_that_never_ends_lasts_to_the_end_of_the_run_and_a_late_hit_counts() {
    let mut run = storm();
    run.events.retain(|record| {
        let Event::FaultEnded { fault } = &record.event else {
            return true;
        };
        fault != "zone-b-gone"
    });
    let at = Moment::from_nanos(20_500 * MILLI);
    let event = Event::FaultHit {
        fault: "reset".into(),
        kind: "reset".into(),
    };
    run.events.push(Record { at, event });
    let faults = series::faults(&run);
    assert_eq!(faults[0].to, Moment::START + run.simulated);
    assert_eq!(faults[2].to, faults[2].from, "an instant");
    assert_eq!(faults[2].hit, Some(at));
}

#[test]
fn the_summary_counts_pending_operations_as_not_successful() {
    let summary = Summary::of(&storm());
    assert_eq!((summary.requests(), summary.pending), (300, 1));
    assert_eq!(summary.success, Some(summary.ok as f64 / 300.0));
    assert_eq!(
        summary.throughput_rps,
        Some(summary.ok as f64 / 30.0),
        "per second of load"
    );
}

#[test]
fn the_queue_file_carries_each_gauge_to_the_next_change() {
    let mut run = storm();
    let second = |at| Moment::START + Span::from_secs(at);
    let gauge = |at, gauge: &str, value| Record {
        at: second(at),
        event: Event::Sampled {
            host: 1,
            gauge: gauge.into(),
            value,
        },
    };
    run.events = vec![
        gauge(1, QUEUE_DEPTH, 4),
        gauge(2, "cores-busy", 2),
        gauge(3, QUEUE_DEPTH, 0),
    ];
    let files = metrics::files(&run);
    let queues = files
        .iter()
        .find(|(name, _)| name == "queues.csv")
        .expect("the file");
    let expected =
        "host,seconds,queue_depth,cores_busy\norders-0,1,4,0\norders-0,2,4,2\norders-0,3,0,2\n";
    assert_eq!(queues.1, expected);
}

#[test]
fn a_run_without_operations_has_no_percentiles_instead_of_wrong_ones() {
    assert_eq!(Summary::of(&calm()), Summary::default());
    assert!(series::latency(&calm()).points.is_empty());
}
