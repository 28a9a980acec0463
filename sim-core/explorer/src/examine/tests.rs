//! Violations of runs that are closures.

use super::*;
use windtunnel_record::{PlannedFault, Span};

const EFFORT: Effort = Effort {
    runs: 40,
    schedules: 1,
    confirmations: 2,
};

fn fault(id: &str) -> PlannedFault {
    let text = format!("id = '{id}'\ninject = {{ crash = {{ target = 'orders' }} }}");
    PlannedFault {
        id: id.into(),
        at: Moment::START,
        lasting: Span::from_secs(1),
        inject: crate::tests::spec(&text).inject,
    }
}

fn drawn() -> FaultPlan {
    FaultPlan::new(vec![fault("a"), fault("b"), fault("c")])
}

fn broke(rule: &str) -> Broken {
    Broken {
        rule: rule.into(),
        at: Moment::START,
        says: format!("{rule} is no more"),
    }
}

/// A run that breaks `always` whatever happens, and `sold-once` if fault `b` is among its faults.
fn shown(spec: &RunSpec) -> Shown {
    let faults = spec.faults.clone().unwrap_or_else(drawn);
    let needed = faults.faults().iter().any(|fault| fault.id == "b");
    let mut broken = vec![broke("always")];
    if needed {
        broken.insert(0, broke("sold-once"));
    }
    Shown {
        digest: Some(Digest(faults.faults().len() as u128)),
        faults,
        broken,
        aborted: None,
    }
}

fn spec() -> RunSpec {
    RunSpec::new("shop", Seed(7))
}

#[test]
fn a_case_needs_only_the_faults_of_its_own_rule() {
    let mut purposes = Vec::new();
    let found = examine(
        &spec(),
        &shown(&spec()),
        "1.2.3",
        EFFORT,
        |spec, purpose| {
            purposes.push(purpose);
            shown(spec)
        },
    );
    let found = found.expect("it is seen again");
    assert_eq!((found.faults_before, found.faults_left()), (3, 1));
    assert_eq!(found.case.rule, "sold-once");
    assert_eq!(found.case.about, "sold-once: sold-once is no more");
    assert_eq!(
        (found.case.digest, found.case.tool.as_str()),
        (Digest(1), "1.2.3")
    );
    assert!(found.minimal);
    let confirmed = purposes
        .iter()
        .filter(|purpose| **purpose == Purpose::Confirm);
    assert_eq!(confirmed.count(), 3, "once as it was, twice as it is left");
    assert_eq!(purposes.len(), found.shrink_runs + 3);
}

#[test]
fn without_runs_to_shrink_with_the_faults_stay() {
    let effort = Effort { runs: 0, ..EFFORT };
    let found = examine(&spec(), &shown(&spec()), "1", effort, |spec, _| shown(spec));
    let found = found.expect("it is seen again");
    assert_eq!((found.shrink_runs, found.faults_left()), (0, 3));
    assert_eq!(found.case.run.faults, Some(drawn()), "they are written out");
}

#[test]
fn another_course_is_told_as_two_digests() {
    let again = |spec: &RunSpec, _| Shown {
        digest: Some(Digest(9)),
        ..shown(spec)
    };
    let doubt = examine(&spec(), &shown(&spec()), "1", EFFORT, again).unwrap_err();
    assert!(matches!(doubt, Doubt::TwoDigests { .. }), "{doubt:?}");
    assert!(
        doubt.to_string().starts_with("seed 7 gave two digests, "),
        "{doubt}"
    );
}

#[test]
fn a_run_that_comes_to_no_end_is_not_told_as_another_course() {
    for dies_in in [0, 1, 2] {
        let mut confirmed = 0;
        let run = |spec: &RunSpec, purpose| {
            confirmed += u32::from(purpose == Purpose::Confirm);
            if purpose == Purpose::Confirm && confirmed == dies_in + 1 {
                return Shown::aborted("signal 9");
            }
            shown(spec)
        };
        let doubt = examine(&spec(), &shown(&spec()), "1", EFFORT, run).unwrap_err();
        let why = "signal 9".to_owned();
        assert_eq!(doubt, Doubt::Aborted { seed: Seed(7), why });
    }
}

#[test]
fn what_holds_with_its_faults_written_out_has_vanished() {
    let run = |spec: &RunSpec, _| {
        let mut shown = shown(spec);
        if spec.faults.is_some() {
            shown.broken.clear();
        }
        shown
    };
    let doubt = examine(&spec(), &shown(&spec()), "1", EFFORT, run).unwrap_err();
    assert_eq!(doubt, Doubt::Vanished { seed: Seed(7) });
}
