//! Small runs to judge, and each kind of rule on them.

use crate::{EventExt, Evidence, NamedRule, Rule, World, judge};
use windtunnel_record::{
    Event, Fields, HostInfo, Moment, Outcome, Reason, Record, RuleReport, Span, Text, Topology,
    Verdict, Witness,
};

/// The events of a run, written down one after the other.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) events: Vec<Record>,
    operations: u64,
}

impl Run {
    pub(crate) fn push(mut self, millis: u64, event: Event) -> Self {
        let at = Moment::START + Span::from_millis(millis);
        self.events.push(Record { at, event });
        self
    }

    /// The fact `name` with the number or text `fields`, as `key=value key=value`.
    pub(crate) fn fact(self, millis: u64, name: &str, fields: &str) -> Self {
        let read = |all: Fields, pair: &str| {
            let (key, value) = pair.split_once('=').expect("key=value");
            match value.parse::<i64>() {
                Ok(number) => all.with(key, number),
                Err(_) => all.with(key, value),
            }
        };
        let event = Event::Observed {
            host: 1,
            name: name.into(),
            fields: fields.split_whitespace().fold(Fields::default(), read),
        };
        self.push(millis, event)
    }

    pub(crate) fn breaker(self, millis: u64, instance: &str, what: &str) -> Self {
        let event = Event::Component {
            host: 0,
            component: "breaker".into(),
            instance: instance.into(),
            what: what.into(),
            fields: Fields::default(),
        };
        self.push(millis, event)
    }

    /// An operation asked at `millis` that takes `took` and ends with `outcome`, if it does.
    pub(crate) fn operation(mut self, millis: u64, outcome: Option<(u64, Outcome)>) -> Self {
        let operation = self.operations;
        self.operations += 1;
        let invoked = Event::Invoked {
            operation,
            client: 0,
            name: "checkout".into(),
            key: format!("order-{operation}").into(),
        };
        let run = self.push(millis, invoked);
        match outcome {
            None => run,
            Some((took, outcome)) => run.push(
                millis + took,
                Event::Completed {
                    operation,
                    outcome,
                    detail: Text::default(),
                },
            ),
        }
    }

    /// What `rule` says of this run, whose load ends after 20 s and which ends after 40 s.
    pub(crate) fn judge(&self, rule: NamedRule) -> RuleReport {
        self.judged(rule, None)
    }

    /// The same for a run that was stopped early.
    pub(crate) fn judge_stopped(&self, rule: NamedRule) -> RuleReport {
        self.judged(rule, Some("stopped at 3s".into()))
    }

    fn judged(&self, rule: NamedRule, stopped: Option<String>) -> RuleReport {
        let topology = shop();
        let [load_end, end] = [20, 40].map(|secs| Moment::START + Span::from_secs(secs));
        let mut events = self.events.clone();
        events.sort_by_key(|record| record.at);
        let evidence = Evidence::new(&events, &topology, load_end, end).stopped_early(stopped);
        judge(&[rule], &evidence).remove(0)
    }
}

pub(crate) fn shop() -> Topology {
    let host = |name: &str| HostInfo {
        name: format!("{name}-0"),
        service: name.into(),
        replica: 0,
        zone: "a".into(),
        role: "service".into(),
    };
    Topology {
        hosts: vec![host("gateway"), host("orders")],
    }
}

pub(crate) fn witness(report: &RuleReport) -> &Witness {
    report.witness().expect("a violation")
}

pub(crate) fn stopped() -> Verdict {
    Verdict::Unknown(Reason::StoppedEarly("stopped at 3s".into()))
}

fn sales() -> Run {
    Run::default()
        .fact(1_000, "stocked", "item=pen amount=5")
        .fact(2_000, "sold", "item=pen amount=3")
        .fact(2_500, "parked", "order=7")
        .fact(3_000, "sold", "item=pen amount=4")
        .fact(4_000, "sold", "item=pen amount=1")
}

fn not_oversold() -> NamedRule {
    NamedRule::always("no-oversell", |world| {
        world.sum("sold") <= world.sum("stocked")
    })
}

#[test]
fn an_always_rule_breaks_at_the_first_event_that_breaks_it() {
    let report = sales().judge(not_oversold());
    let witness = witness(&report);
    assert_eq!(witness.at, Moment::from_nanos(3_000_000_000));
    let says = "no longer holds: sum(sold) = 7, sum(stocked) = 5";
    assert_eq!(witness.says, says);
    assert_eq!(witness.events, [0, 3]);
    assert_eq!((report.kind.as_str(), report.fails()), ("always", true));
}

#[test]
fn a_condition_is_asked_only_when_something_it_read_has_changed() {
    let run = Run::default()
        .fact(1, "stocked", "amount=5")
        .fact(2, "parked", "order=1")
        .breaker(3, "a->b", "opened")
        .fact(4, "sold", "amount=2");
    let report = run.judge(not_oversold());
    assert_eq!((report.verdict, report.evaluated), (Verdict::Held, 2));
}

#[test]
fn a_never_rule_breaks_when_its_condition_comes_true() {
    let rule = || NamedRule::never("parked", |world| world.count("parked") > 0).warning();
    let report = sales().judge(rule());
    assert_eq!(witness(&report).says, "came true: count(parked) = 1");
    assert!(!report.fails(), "a warning is only told");
    let calm = Run::default().fact(1, "sold", "amount=2").judge(rule());
    assert_eq!(calm.verdict, Verdict::Held);
}

#[test]
fn tables_by_key_tell_the_row_that_changed() {
    let rule = NamedRule::always("charged-once", |world| {
        world.count_by("charged", "order").values().all(|n| *n <= 1)
    });
    let report = Run::default()
        .fact(1, "charged", "order=a")
        .fact(2, "charged", "order=b")
        .fact(3, "charged", "order=a")
        .judge(rule);
    let says = "no longer holds: count(charged, by = order) at a = 2";
    assert_eq!(witness(&report).says, says);
}

#[test]
fn a_sometimes_rule_is_met_or_unmet_and_never_violated() {
    let rule = || NamedRule::sometimes("opened", Event::is_breaker_open);
    let closed = Run::default().breaker(1, "a->b", "closed");
    assert!(closed.judge(rule()).is_unmet());
    let opened = closed.breaker(2, "a->b", "opened").judge(rule());
    assert_eq!(opened.verdict, Verdict::Held);
}

#[test]
fn an_eventually_rule_lists_what_is_pending() {
    let rule = || NamedRule::eventually("drained", |history| history.pending().is_empty());
    let answered = Run::default().operation(5, Some((7, Outcome::Ok)));
    assert_eq!(answered.judge(rule()).verdict, Verdict::Held);
    let hung = answered.operation(2_000, None);
    let report = hung.judge(rule());
    assert!(
        witness(&report)
            .says
            .contains("1 ok, 0 failed, 0 unknown, 1 pending")
    );
    let pending = ["operation 1 (checkout order-1), asked at 2.000s"];
    assert_eq!(witness(&report).pending, pending);
    assert_eq!(hung.judge_stopped(rule()).verdict, stopped());
}

#[test]
fn a_panic_is_told_with_host_spawn_site_and_message() {
    let panic = |message: &str| Event::Panicked {
        host: 1,
        spawned: "src/orders.rs:12:9".into(),
        message: message.into(),
    };
    let calm = Run::default().fact(1, "sold", "amount=1");
    assert_eq!(calm.judge(NamedRule::no_panic()).verdict, Verdict::Held);
    let report = calm
        .push(2, panic("index out of bounds"))
        .push(3, panic("again"))
        .judge(NamedRule::no_panic());
    assert_eq!(
        witness(&report).says,
        "a task of orders-0 spawned at src/orders.rs:12:9 panicked: index out of bounds \
         (and 1 more)"
    );
    assert_eq!(witness(&report).events, [1, 2]);
    assert_eq!(report.id, "no-panic");
}

#[test]
fn whatever_reaches_outside_the_simulation_breaks_the_seal() {
    let what = "std::thread::spawn".to_owned();
    let report = Run::default()
        .push(
            2,
            Event::Refused {
                host: 0,
                what: what.into(),
            },
        )
        .judge(NamedRule::sealed());
    let says = "gateway-0 reached outside the simulation: std::thread::spawn";
    assert_eq!(witness(&report).says, says);
    assert_eq!(
        Run::default().judge(NamedRule::sealed()).verdict,
        Verdict::Held
    );
}

#[test]
fn a_gauge_is_the_sum_of_its_last_readings_over_hosts() {
    let read = |host, value| Event::Sampled {
        host,
        gauge: "in-flight".into(),
        value,
    };
    let judged = |last| {
        let run = Run::default()
            .push(1, read(0, 3))
            .push(2, read(1, 2))
            .push(3, read(0, last));
        run.judge(NamedRule::never("four", |world| {
            world.gauge("in-flight") == 4
        }))
    };
    assert_eq!(judged(0).verdict, Verdict::Held);
    let says = witness(&judged(2)).says.clone();
    assert!(says.contains("gauge(in-flight) = 4"), "{says}");
}

#[test]
fn rules_that_share_the_world_tell_only_what_each_of_them_read() {
    let run = Run::default()
        .fact(1, "sold", "amount=3")
        .fact(2, "lost", "amount=2")
        .fact(3, "found", "amount=1");
    let topology = shop();
    let evidence = Evidence::new(&run.events, &topology, Moment::START, Moment::END);
    let at_the_end = |id: &str, condition: fn(&World<'_>) -> bool| {
        NamedRule::new(id, Rule::AtTheEnd(Box::new(condition)))
    };
    let rules = [
        at_the_end("lost", |world| world.sum("lost") == 0),
        NamedRule::always("sold", |world| world.sum("sold") == 0),
        at_the_end("found", |world| world.sum("found") == 0),
    ];
    let reports = judge(&rules, &evidence);
    let told: Vec<_> = reports
        .iter()
        .map(|report| {
            (
                witness(report).says.as_str(),
                witness(report).events.clone(),
            )
        })
        .collect();
    let expected = [
        ("not true at the end: sum(lost) = 2", vec![1]),
        ("no longer holds: sum(sold) = 3", vec![0]),
        ("not true at the end: sum(found) = 1", vec![2]),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_rule_gets_its_report_in_the_order_given() {
    let topology = shop();
    let run = sales();
    let evidence = Evidence::new(&run.events, &topology, Moment::START, Moment::START);
    let rules = [
        NamedRule::sealed(),
        not_oversold(),
        NamedRule::sometimes("sold", |event| event.is_observed("sold")),
        NamedRule::always("calm", |world| world.faults() == 0),
    ];
    let reports = judge(&rules, &evidence);
    let told: Vec<(&str, bool)> = reports
        .iter()
        .map(|report| (report.id.as_str(), report.fails()))
        .collect();
    let expected = [
        ("sealed", false),
        ("no-oversell", true),
        ("sold", false),
        ("calm", false),
    ];
    assert_eq!(told, expected);
}
