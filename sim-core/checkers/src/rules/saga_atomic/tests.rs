//! Whole sagas, half sagas, sagas without an end.

use crate::{
    NamedRule,
    tests::{Run, stopped, witness},
};
use windtunnel_record::{Event, Reason, Span, Verdict};

/// What a checkout does, and how each is taken back.
const CHECKOUT: [[&str; 2]; 3] = [
    ["reserved", "released"],
    ["charged", "refunded"],
    ["confirmed", "cancelled"],
];

fn rule() -> NamedRule {
    NamedRule::saga_atomic("checkout", Span::from_secs(10), &CHECKOUT)
}

#[test]
fn a_saga_has_the_effects_that_its_rule_names() {
    let journey = |rule: &[[&str; 2]]| NamedRule::saga_atomic("journey", Span::from_secs(10), rule);
    let run = saga("saga-begun booked paid cancelled-booking =undone");
    let booked = ["booked", "cancelled-booking"];
    assert_eq!(run.judge(journey(&[booked])).verdict, Verdict::Held);
    let report = run.judge(journey(&[booked, ["paid", "paid-back"]]));
    let says = &witness(&report).says;
    assert!(says.contains("paid and never paid-back"), "{says}");
}

/// The facts in `names`, one after the other, of the saga `s1`; `=done` ends it.
fn saga(names: &str) -> Run {
    names.split_whitespace().fold(Run::default(), |run, name| {
        let millis = 100 * (run.events.len() as u64 + 1);
        match name.strip_prefix('=') {
            Some(outcome) => {
                let fields = format!("saga=s1 outcome={outcome}");
                run.fact(millis, "saga-ended", &fields)
            }
            None => run.fact(millis, name, "saga=s1 order=o7"),
        }
    })
}

#[test]
fn sagas_that_are_whole_gone_or_parked_hold() {
    for names in [
        "saga-begun reserved charged confirmed =done",
        "saga-begun reserved charged confirmed =done =done",
        "saga-begun reserved charged refunded released =undone",
        "saga-begun reserved charged confirmed cancelled refunded released =undone",
        "saga-begun =undone",
        "saga-begun released reserved =undone",
        "saga-begun reserved charged =parked",
        "saga-begun reserved charged =parked confirmed =done",
    ] {
        assert_eq!(saga(names).judge(rule()).verdict, Verdict::Held, "{names}");
    }
}

#[test]
fn half_a_saga_is_told_with_its_facts() {
    for (names, says) in [
        (
            "saga-begun reserved charged =undone",
            "ended undone but reserved and never released, charged and never refunded",
        ),
        (
            "saga-begun reserved =done",
            "ended done but never charged, never confirmed",
        ),
        (
            "saga-begun reserved charged confirmed =done refunded",
            "ended done but yet refunded",
        ),
        (
            "saga-begun reserved released =undone charged",
            "charged and never refunded",
        ),
        (
            "saga-begun charged charged refunded =undone",
            "charged 2 times and refunded 1 times",
        ),
        (
            "saga-begun reserved charged confirmed =done =undone",
            "ended done and then undone",
        ),
        ("saga-begun =gone", "none of done, undone, parked"),
    ] {
        let report = saga(names).judge(rule());
        let witness = witness(&report);
        assert!(witness.says.contains(says), "{names}: {}", witness.says);
        assert!(witness.says.starts_with("saga s1 ended"));
        assert_eq!(witness.events.len(), names.split_whitespace().count());
    }
}

#[test]
fn the_order_the_charge_and_the_faults_are_named() {
    let began = Event::FaultBegan {
        fault: "storm/0".into(),
        kind: "power-loss".into(),
        hosts: vec![1],
    };
    let ended = |fault: &str| Event::FaultEnded {
        fault: fault.into(),
    };
    let before = Event::FaultBegan {
        fault: "early".into(),
        kind: "slow".into(),
        hosts: vec![],
    };
    let report = saga("saga-begun charged =undone")
        .push(10, before)
        .push(20, ended("early"))
        .push(150, began)
        .push(160, ended("storm/0"))
        .judge(rule());
    let says = &witness(&report).says;
    assert!(
        says.contains("charged (order=o7) on orders-0 at 0.200s"),
        "{says}"
    );
    assert!(
        says.ends_with("; faults meanwhile: storm/0 (power-loss)"),
        "{says}"
    );
}

#[test]
fn a_saga_without_an_end_is_pending() {
    let run = saga("saga-begun reserved");
    let report = run.judge(rule());
    let found = witness(&report);
    assert!(
        found
            .says
            .starts_with("1 of 1 sagas had not ended 10s after"),
        "{}",
        found.says
    );
    assert_eq!(found.pending, ["saga s1, begun at 0.100s, never ended"]);
    let late = run.fact(30_001, "saga-ended", "saga=s1 outcome=parked");
    let report = late.judge(rule());
    assert!(witness(&report).pending[0].ends_with("parked only at 30.001s"));
}

#[test]
fn an_effect_without_a_beginning_is_a_saga_that_must_end() {
    let report = saga("charged").judge(rule());
    assert_eq!(witness(&report).pending.len(), 1);
}

#[test]
fn nothing_is_said_of_runs_without_sagas_or_without_an_end() {
    let none = Run::default().fact(1, "sold", "item=pen").judge(rule());
    assert!(matches!(
        none.verdict,
        Verdict::Unknown(Reason::NotApplicable(_))
    ));
    let report = saga("saga-begun reserved =done").judge_stopped(rule());
    assert_eq!(report.verdict, stopped());
}
