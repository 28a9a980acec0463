//! Runs that come back, stay down, or leave it open.

use crate::{
    NamedRule, Rule,
    tests::{Run, stopped, witness},
};
use windtunnel_record::{
    Event,
    Outcome::{Fail, Ok},
    Reason, Span, Verdict,
};

fn rule() -> NamedRule {
    let rule = Rule::Recovers {
        within: Span::from_secs(2),
        success: 0.75,
    };
    NamedRule::new("comes-back", rule)
}

/// A fault until `end` (in seconds) and four operations from `from` on, `good` of which succeed.
fn run(end: u64, from: u64, good: usize) -> Run {
    let fault = "flood".to_owned();
    let ended = Event::FaultEnded {
        fault: fault.into(),
    };
    (0..4).fold(Run::default().push(end * 1_000, ended), |run, index| {
        let outcome = if (index as usize) < good { Ok } else { Fail };
        run.operation(from * 1_000 + index * 10, Some((5, outcome)))
    })
}

#[test]
fn success_after_the_time_granted_is_recovery() {
    assert_eq!(run(5, 7, 3).judge(rule()).verdict, Verdict::Held);
}

#[test]
fn operations_before_that_do_not_count() {
    let early = (0..9).fold(Run::default(), |run, index| {
        run.operation(6_000 + index * 10, Some((1, Fail)))
    });
    let fault = "flood".to_owned();
    let both = (0..4).fold(
        early.push(
            5_000,
            Event::FaultEnded {
                fault: fault.into(),
            },
        ),
        |run, index| run.operation(7_000 + index * 10, Some((5, Ok))),
    );
    let report = both.judge(rule());
    assert_eq!((report.verdict, report.evaluated), (Verdict::Held, 4));
}

#[test]
fn staying_down_is_told_in_numbers() {
    let report = run(5, 7, 1).judge(rule());
    let says = &witness(&report).says;
    assert!(
        says.starts_with("of 4 operations asked from 7.000s on 1 succeeded (25.0 %"),
        "{says}"
    );
    assert!(says.contains("3 failed") && says.ends_with("the last fault ended at 5.000s"));
}

#[test]
fn answers_that_never_come_are_no_success() {
    let silent = Run::default().operation(7_000, None);
    let report = silent.judge(rule());
    assert_eq!(witness(&report).pending.len(), 1);
    assert!(witness(&report).says.contains("1 pending"));
}

#[test]
fn without_later_operations_the_last_fifth_of_the_load_is_judged() {
    assert_eq!(run(19, 17, 4).judge(rule()).verdict, Verdict::Held);
    let open = run(19, 17, 0).judge(rule());
    assert!(matches!(
        open.verdict,
        Verdict::Unknown(Reason::NotApplicable(_))
    ));
}

#[test]
fn nothing_is_said_without_operations_or_without_an_end() {
    let none = Run::default().judge(rule()).verdict;
    assert!(matches!(none, Verdict::Unknown(Reason::NotApplicable(_))));
    assert_eq!(run(5, 7, 0).judge_stopped(rule()).verdict, stopped());
}
