//! A small storm, made up event by event: 30 s of load on four hosts, a partition, a crash, an
//! instant reset, a breaker that opens and closes, sagas, queues, and a violated rule.

use std::collections::BTreeMap;
use windtunnel_record::{
    Digest, Event, FaultPlan, Fields, HostInfo, Inject, Moment, Outcome, PlannedFault, Reason,
    Record, RuleReport, RunRecord, RunSpec, Seed, Span, Target, Topology, Verdict, Witness,
    event::Ending, fault::Partition, target::Targets, verdict::Severity,
};

pub const MILLI: u64 = 1_000_000;
const OPERATIONS: u64 = 300;

/// What a witness says in the storm; a page must not run it.
pub const HOSTILE: &str = "order <script>alert('17')</script> was charged twice & refunded never";

fn millis(at: u64) -> Moment {
    Moment::from_nanos(at * MILLI)
}

/// Events by their instant, in the order of their arrival within one.
#[derive(Default)]
struct Tape(BTreeMap<(Moment, usize), Event>);

impl Tape {
    fn put(&mut self, at: u64, event: Event) {
        self.0.insert((millis(at), self.0.len()), event);
    }

    fn records(self) -> Vec<Record> {
        let events = self.0.into_iter();
        events
            .map(|((at, _), event)| Record { at, event })
            .collect()
    }
}

fn host(name: &str, service: &str, replica: u32, zone: &str, role: &str) -> HostInfo {
    HostInfo {
        name: name.into(),
        service: service.into(),
        replica,
        zone: zone.into(),
        role: role.into(),
    }
}

pub fn component(host: u32, component: &str, instance: &str, what: &str, fields: Fields) -> Event {
    Event::Component {
        host,
        component: component.into(),
        instance: instance.into(),
        what: what.into(),
        fields,
    }
}

fn named(targets: &str) -> Targets {
    Targets::from(targets.parse::<Target>().expect("a target"))
}

fn plan() -> FaultPlan {
    let fault = |id: &str, at, lasting, inject| PlannedFault {
        id: id.into(),
        at: millis(at),
        lasting: Span::from_millis(lasting),
        inject,
    };
    let split = Partition::Split(vec![named("zone:a"), named("zone:b")]);
    let crash = Inject::Crash {
        target: named("orders-1"),
        count: None,
    };
    let reset = Inject::Reset {
        from: Targets::all(),
        to: named("orders-0"),
    };
    FaultPlan::new(vec![
        fault("zone-b-gone", 8_000, 5_000, Inject::Partition(split)),
        fault("orders-flap/0", 11_000, 4_000, crash),
        fault("reset", 20_000, 0, reset),
    ])
}

fn faults(tape: &mut Tape) {
    for (id, kind, from, to, hosts) in [
        ("zone-b-gone", "partition", 8_000, 13_000, vec![0, 1, 2, 3]),
        ("orders-flap/0", "crash", 11_000, 15_000, vec![2]),
        ("reset", "reset", 20_000, 20_000, vec![1]),
    ] {
        let (fault, kind) = (id.to_owned(), kind.to_owned());
        tape.put(
            from,
            Event::FaultBegan {
                fault: fault.clone().into(),
                kind: kind.clone().into(),
                hosts,
            },
        );
        if kind != "reset" {
            tape.put(
                from + 40,
                Event::FaultHit {
                    fault: fault.clone().into(),
                    kind: kind.into(),
                },
            );
        }
        tape.put(
            to,
            Event::FaultEnded {
                fault: fault.into(),
            },
        );
    }
    tape.put(
        11_000,
        Event::Stopped {
            host: 2,
            incarnation: 0,
            ending: Ending::Crashed,
        },
    );
    tape.put(
        15_000,
        Event::Started {
            host: 2,
            incarnation: 1,
        },
    );
}

/// Ten requests a second; slow and doubtful while a fault lasts.
fn load(tape: &mut Tape) {
    for operation in 0..OPERATIONS {
        let at = operation * 100;
        let troubled = (8_000..15_000).contains(&at);
        let (took, outcome, detail) = match operation % 5 {
            _ if operation == OPERATIONS - 1 => continue,
            0 if troubled => (1_000, Outcome::Unknown, "504 after 1s"),
            1 if troubled => (3, Outcome::Fail, "503 breaker open"),
            _ if troubled => (180 + operation % 7 * 30, Outcome::Ok, "201"),
            _ => (8 + operation % 11, Outcome::Ok, "201"),
        };
        let detail = detail.to_owned();
        tape.put(
            at,
            Event::Invoked {
                operation,
                client: 3,
                name: "checkout".into(),
                key: format!("order-{operation}").into(),
            },
        );
        tape.put(
            at + took,
            Event::Completed {
                operation,
                outcome,
                detail: detail.into(),
            },
        );
        let endpoint = if operation % 2 == 0 && !troubled {
            "orders-1"
        } else {
            "orders-0"
        };
        let fields = Fields::default()
            .with("endpoint", endpoint)
            .with("status", 201);
        tape.put(
            at + took,
            component(0, "gateway", "gateway-0", "answered", fields),
        );
        let end = match (outcome, operation) {
            (Outcome::Unknown, 100) => "parked",
            (Outcome::Unknown, _) => "undone",
            (Outcome::Fail, _) => continue,
            _ => "done",
        };
        let fields = Fields::default().with("outcome", end);
        let saga = format!("order-{operation}");
        tape.put(at + took + 5, component(1, "saga", &saga, "ended", fields));
    }
    let operation = OPERATIONS - 1;
    let (name, key) = ("checkout".to_owned(), format!("order-{operation}"));
    tape.put(
        29_900,
        Event::Invoked {
            operation,
            client: 3,
            name: name.into(),
            key: key.into(),
        },
    );
}

fn breakers_and_queues(tape: &mut Tape) {
    for (at, what) in [
        (8_900, "opened"),
        (11_900, "half-opened"),
        (12_400, "opened"),
        (15_400, "half-opened"),
        (15_700, "closed"),
    ] {
        tape.put(
            at,
            component(0, "breaker", "orders-1", what, Fields::default()),
        );
    }
    let fields = Fields::default().with("to", "half-open");
    tape.put(
        9_500,
        component(2, "breaker", "orders-1->payments", "changed", fields),
    );
    for at in (0..36_000).step_by(500) {
        let troubled = (8_000..16_000).contains(&at);
        let depth = if troubled {
            ((at - 8_000) / 400) as i64
        } else {
            1
        };
        for (host, share) in [(0, 1), (1, 3)] {
            let value = depth * share / 2;
            tape.put(
                at,
                Event::Sampled {
                    host,
                    gauge: "queue-depth".into(),
                    value,
                },
            );
            let value = value.min(2);
            tape.put(
                at,
                Event::Sampled {
                    host,
                    gauge: "cores-busy".into(),
                    value,
                },
            );
        }
    }
}

/// Two charges of one order, the events of the witness.
fn charges(tape: &mut Tape) {
    for (at, host) in [(12_010, 1), (13_200, 2)] {
        let fields = Fields::default()
            .with("order", "order-17")
            .with("cents", 4_900);
        tape.put(
            at,
            Event::Observed {
                host,
                name: "charged".into(),
                fields,
            },
        );
    }
}

fn rule(id: &str, kind: &str, verdict: Verdict, evaluated: u64) -> RuleReport {
    RuleReport {
        id: id.into(),
        kind: kind.into(),
        verdict,
        evaluated,
        severity: Severity::Error,
    }
}

fn rules(charged: Vec<u64>) -> Vec<RuleReport> {
    let twice = Witness::new(millis(13_200), HOSTILE).with_events(charged);
    let pending = Witness::new(millis(36_000), "an operation never ended")
        .with_pending(["checkout order-299, asked at 29.900 s".to_owned()]);
    let drains = RuleReport {
        severity: Severity::Warning,
        ..rule("drains", "eventually", Verdict::Violated(pending), 1)
    };
    vec![
        rule(
            "no-double-charge",
            "always",
            Verdict::Violated(twice),
            44_012,
        ),
        rule("breaker-opens", "sometimes", Verdict::Held, 5),
        rule(
            "retry-budget-spent",
            "sometimes",
            Verdict::Unknown(Reason::NotMet),
            300,
        ),
        rule("money-conserved", "conserved", Verdict::Held, 300),
        drains,
    ]
}

/// The storm.
pub fn storm() -> RunRecord {
    let mut tape = Tape::default();
    (0..4).for_each(|host| {
        tape.put(
            0,
            Event::Started {
                host,
                incarnation: 0,
            },
        )
    });
    faults(&mut tape);
    load(&mut tape);
    breakers_and_queues(&mut tape);
    charges(&mut tape);
    tape.put(30_000, Event::Settling {});
    let events = tape.records();
    let is_charge = |record: &Record| matches!(&record.event, Event::Observed { .. });
    let charged = events
        .iter()
        .enumerate()
        .filter(|(_, record)| is_charge(record));
    let charged = charged.map(|(index, _)| index as u64).collect();
    RunRecord {
        tool: "0.1.0".into(),
        spec: RunSpec::new("shop", Seed(42)),
        about: "A zone is cut off while one replica crashes; nobody may be charged twice.".into(),
        topology: Topology {
            hosts: vec![
                host("gateway-0", "gateway", 0, "a", "gateway"),
                host("orders-0", "orders", 0, "a", "service"),
                host("orders-1", "orders", 1, "b", "service"),
                host("shoppers", "shoppers", 0, "a", "client"),
            ],
        },
        digest: Digest(0x9f3c_1a77_0000_0000_0000_0000_0000_0042),
        event_count: 41_218,
        simulated: Span::from_secs(36),
        wall_ms: 310,
        settled_from: millis(30_000),
        faults: plan(),
        rules: rules(charged),
        events,
    }
}

/// A short calm run without a fault or a component: everything held.
pub fn calm() -> RunRecord {
    let storm = storm();
    RunRecord {
        spec: RunSpec::new("shop-calm", Seed(7)),
        about: "Nothing goes wrong.".into(),
        faults: FaultPlan::default(),
        rules: vec![rule("money-conserved", "conserved", Verdict::Held, 300)],
        events: Vec::new(),
        event_count: 0,
        ..storm
    }
}
